import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../helpers/eventually.js';
import { makeFolder } from '../helpers/folder.js';
import { cachedPath } from './cache.js';
import { freePort } from './otelcol.js';
import { sendVariedSpans } from './sent-spans.js';
import { startServer } from './server.js';
import { timeBoxMs } from './time-box.js';

const REQUIREMENT = 'arize-phoenix==20.26.1';

/** Installs Phoenix from PyPI into an environment of its own, unless the cache has it. */
function installPhoenix(): { readonly path: string } | { readonly fault: string } {
  const environment = cachedPath('phoenix', REQUIREMENT);
  const path = join(environment, 'bin', 'phoenix');
  if (existsSync(path)) return { path };
  const deadline = Date.now() + timeBoxMs();
  for (const [command, ...args] of [
    ['python3', '-m', 'venv', environment],
    [join(environment, 'bin', 'pip'), 'install', '-q', '--disable-pip-version-check', REQUIREMENT],
  ] as const) {
    const timeout = Math.max(deadline - Date.now(), 1);
    const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout });
    if (status === 0) continue;
    // Half of it must not be taken for all of it.
    rmSync(environment, { recursive: true, force: true });
    return { fault: error?.message ?? stderr.trim().split('\n').slice(-2).join('\n') };
  }
  return existsSync(path) ? { path } : { fault: `${REQUIREMENT} has no command` };
}

const phoenix = installPhoenix();
if ('fault' in phoenix)
  console.log(`Phoenix is skipped, as it could not be installed: ${phoenix.fault}`);

interface PhoenixSpan {
  readonly name: string;
  readonly context: { readonly span_id: string };
  readonly parent_id: string | null;
  readonly status_code: string;
  readonly events: readonly unknown[];
}

test.runIf('path' in phoenix)('Phoenix shows what was sent', async () => {
  if (!('path' in phoenix)) return;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = makeFolder();
  await startServer(phoenix.path, ['serve'], `${url}/healthz`, {
    HOME: folder,
    PHOENIX_HOST: '127.0.0.1',
    PHOENIX_PORT: String(port),
    PHOENIX_GRPC_PORT: String(await freePort()),
    PHOENIX_WORKING_DIR: folder,
    PHOENIX_TELEMETRY_ENABLED: 'false',
  });
  // It takes protobuf alone.
  const sent = await sendVariedSpans({ endpoint: url, compression: 'gzip' });
  let shown: readonly PhoenixSpan[] = [];
  await eventually(async () => {
    const answer = await fetch(`${url}/v1/projects/default/spans?limit=100`);
    shown = answer.ok ? ((await answer.json()) as { data: readonly PhoenixSpan[] }).data : [];
    return shown.length >= sent.length;
  });
  const found = (spanId: string) => shown.find(({ context }) => context.span_id === spanId);
  for (const span of sent) {
    expect(found(span.spanId)).toMatchObject({
      name: span.name,
      parent_id: span.parentSpanId || null,
      status_code: ['UNSET', 'OK', 'ERROR'][span.status.code],
    });
    expect(found(span.spanId)?.events).toHaveLength(span.events.length);
  }
});
