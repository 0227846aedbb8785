import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { resolveFromEnv } from '../../src/config/env.js';
import type { ResolvedConfig } from '../../src/config/resolved.js';
import { openReceiver } from './backends.js';
import { startScript } from './child.js';

/** The blocks of a language in a text. */
function blocks(text: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms');
  return Array.from(text.matchAll(fence), ([, block = '']) => block);
}

/** A section of a page, by its title. */
function section(path: string, title: string): string {
  const found = readFileSync(path, 'utf8')
    .split(/^## /m)
    .find((part) => part.startsWith(`${title}\n`));
  if (found === undefined) throw new Error(`${path} has no section "${title}"`);
  return found;
}

function openFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-migration-docs-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'signalbox.yaml');
}

const page = readFileSync('docs/migration.md', 'utf8');
const keys = { OLD_API_KEY: 'key-of-old', NEW_API_KEY: 'key-of-new' };

/** The page's files, each with the first one's backends where it shows the routes alone. */
function readSteps(): string[] {
  const [first = '', ...rest] = blocks(page, 'yaml');
  const backends = first.slice(first.indexOf('backends:'));
  return [first, ...rest.map((step) => (step.includes('backends:') ? step : step + backends))];
}

it('an application that reads its file anew on SIGHUP goes every step of docs/migration.md', async () => {
  const receiver = await openReceiver();
  const steps = readSteps().map((step) =>
    step
      .replace('https://otlp.old.example', `${receiver.url}/old`)
      .replace('https://otlp.new.example', `${receiver.url}/new`),
  );
  expect(steps.length).toBeGreaterThan(3);
  for (const step of steps) expect(step).not.toContain('.example');
  const [update = '', compare = ''] = blocks(page, 'js');
  const file = openFile();
  writeFileSync(file, steps[0] ?? '');
  const child = startScript(
    `import { trace } from '@opentelemetry/api';
     import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
     import { withRoute } from 'signalbox';
     ${update}
     const provider = new NodeTracerProvider({ spanProcessors: [processor] });
     provider.register();
     async function work() {
       withRoute('acme', () => trace.getTracer('application').startSpan('work').end());
       await processor.forceFlush();
       ${compare}
       process.send({ old, fresh });
     }
     process.on('SIGHUP', work);
     process.once('message', () => provider.shutdown().then(() => process.disconnect()));
     await work();`,
    { ...keys, SIGNALBOX_CONFIG_FILE: file },
  );
  const [, shown = ''] = /^\/\/ (\{.*\})$/m.exec(compare) ?? [];
  const counts = Array.from(shown.matchAll(/(\w+):/g), ([, name]) => name);
  expect(await child.receive()).toMatchObject({
    old: Object.fromEntries(counts.map((name) => [name, expect.any(Number)])),
  });
  for (const step of steps.slice(1)) {
    writeFileSync(file, step);
    child.kill('SIGHUP');
    await child.receive();
  }
  writeFileSync(file, (steps.at(-1) ?? '').replace('[new]', '[nwe]'));
  child.kill('SIGHUP');
  await child.receive();
  child.send('end');
  const { code, stderr } = await child.ended;
  // All but the last one, which is misspelt, were taken.
  expect(stderr).toMatch(
    /^[^\n]*1 problem[^\n]*\n[^\n]*nwe[^\n]*\n(?:[^\n]*did you mean new[^\n]*\n)?$/,
  );
  expect(code).toBe(0);
  const ids = new Set(receiver.spans().map(({ spanId }) => spanId));
  expect(ids.size).toBe(steps.length + 1);
});

/** The variables of a block, comments left out. */
function readVariables(block: string): NodeJS.ProcessEnv {
  return Object.fromEntries(
    block
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [, name = '', value = ''] = /^([A-Z_]+)=(\S+)(?:\s+#.*)?$/.exec(line) ?? [];
        return [name, value];
      }),
  );
}

function parentsOf({ routes }: ResolvedConfig) {
  return Object.fromEntries(Array.from(routes, ([key, { parent }]) => [key, parent]));
}

describe('the samples', () => {
  it('of the README’s migration are a configuration', () => {
    const [routes = ''] = blocks(section('README.md', 'Migrating'), 'yaml');
    const file = openFile();
    const endpoint = 'https://otlp.example.com';
    writeFileSync(
      file,
      `${routes}backends: { old: { endpoint: '${endpoint}' }, new: { endpoint: '${endpoint}' } }\n`,
    );
    const resolved = resolveFromEnv({ SIGNALBOX_CONFIG_FILE: file });
    expect(resolved.routes.get('acme')?.targets).toMatchObject([
      { backend: 'new', role: 'shadow', share: 100_000 },
      { backend: 'old', role: 'primary', share: undefined },
    ]);
    expect(resolved.routes.get('globex')?.targets).toMatchObject([
      { backend: 'new', role: 'primary', share: 100_000 },
      { backend: 'old', role: 'primary', share: 900_000 },
    ]);
  });

  it.each([
    ['README.md', 'hosted'],
    ['docs/braintrust.md', 'standard'],
  ])('of a project per tenant in %s are a configuration', (path, backend) => {
    const [block = ''] = blocks(section(path, 'A project per tenant'), 'sh');
    const prefix = `SIGNALBOX_BACKEND_${backend.toUpperCase()}`;
    const resolved = resolveFromEnv({
      SIGNALBOX_BACKENDS: backend,
      [`${prefix}_PRESET`]: 'braintrust',
      [`${prefix}_ENDPOINT`]: 'https://api.braintrust.dev',
      [`${prefix}_API_KEY`]: 'key',
      [`${prefix}_PARENT`]: 'project_name:checkout',
      ...readVariables(block),
    });
    expect(parentsOf(resolved)).toEqual({
      acme: 'project_name:acme',
      globex: 'project_name:globex',
      initech: undefined,
    });
  });
});
