import { describe, expect, it } from 'vitest';
import {
  backendVariables,
  openHangingBackend,
  openReceiver,
  REFUSING_URL,
} from '../integration/backends.js';
import { type Ended, fixture, runScript } from '../integration/child.js';
import { startMonitoringReceiver } from './monitoring-receiver.js';

const ENDED_WELL: Ended = { code: 0, signal: null, stdout: '', stderr: '' };

const IMPORTS = `
  import { withRoute } from 'signalbox';
  import { inSpan, provider } from '${fixture('telemetry.mjs')}';
`;

async function variables(endpoint: string, interval: number): Promise<NodeJS.ProcessEnv> {
  const receiver = await openReceiver();
  return backendVariables(
    { main: receiver.url },
    {
      SIGNALBOX_MONITORING_ENDPOINT: endpoint,
      SIGNALBOX_MONITORING_TELEMETRY: 'status,metrics,usage,memprof,logs,traces',
      SIGNALBOX_MONITORING_INTERVAL: String(interval),
      // So long that a test would run out of time if a process waited for it.
      SIGNALBOX_MONITORING_TIMEOUT: '600000',
    },
  );
}

describe('a process with monitoring', () => {
  it.each([
    ['hangs', openHangingBackend],
    ['is not there', async () => REFUSING_URL],
    ['asks for a retry', async () => (await startMonitoringReceiver(() => 503)).url],
  ])('ends by itself, without a shutdown, while the receiver %s', async (_, open) => {
    const env = await variables(await open(), 5);
    const script = `${IMPORTS}
      await withRoute('main', () => inSpan('span'));
      await new Promise((resolve) => setTimeout(resolve, 100));`;
    expect(await runScript(script, env)).toEqual(ENDED_WELL);
  });

  it('ends after its shutdown, while the receiver hangs', async () => {
    const env = await variables(await openHangingBackend(), 600_000);
    const script = `${IMPORTS}
      await withRoute('main', () => inSpan('span'));
      await provider.shutdown();`;
    expect(await runScript(script, env)).toEqual(ENDED_WELL);
  });

  it('tells of itself before its shutdown has resolved, also in the first moment', async () => {
    const monitor = await startMonitoringReceiver();
    const env = await variables(monitor.url, 600_000);
    const script = `${IMPORTS}
      await withRoute('main', () => inSpan('span'));
      await provider.shutdown();
      process.exit();`;
    expect(await runScript(script, env)).toEqual(ENDED_WELL);
    expect(monitor.metric('signalbox.usage.spans.delivered')).toEqual({ main: 1 });
  });
});

it('loads no exporter where it is not configured', async () => {
  const receiver = await openReceiver();
  const script = `${IMPORTS}
    import { createRequire } from 'node:module';
    await withRoute('main', () => inSpan('span'));
    const loaded = Object.keys(createRequire(process.cwd() + '/').cache);
    const found = loaded.filter((path) => path.includes('exporter-'));
    if (found.length > 0) console.log(found);
    await provider.shutdown();`;
  expect(await runScript(script, backendVariables({ main: receiver.url }))).toEqual(ENDED_WELL);
});
