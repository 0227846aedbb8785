import { describe, expect, it } from 'vitest';
import {
  backendVariables,
  namesAt,
  openHangingBackend,
  openReceiver,
  REFUSING_URL,
} from './backends.js';
import { type Ended, fixture, runScript, startScript } from './child.js';

// So long that a test would run out of time if a process waited for one of these.
const AGES = '600000';

const ENDED_WELL: Ended = { code: 0, signal: null, stdout: '', stderr: '' };

const IMPORTS = `
  import { setRoute, withBoundary, withRoute } from 'signalbox';
  import { inSpan, provider, routing } from '${fixture('telemetry.mjs')}';
`;

describe('a process that ends without shutting down is not kept alive', () => {
  it('by idle backends, those of a second processor included', async () => {
    const receiver = await openReceiver();
    const env = backendVariables({ main: receiver.url, other: receiver.url });
    const script = `${IMPORTS}
      import { RoutingSpanProcessor } from 'signalbox';
      RoutingSpanProcessor.fromEnv();`;
    expect(await runScript(script, env)).toEqual(ENDED_WELL);
  });

  it('by queued and parked spans', async () => {
    const receiver = await openReceiver();
    const env = backendVariables(
      { main: receiver.url, other: receiver.url },
      { OTEL_BSP_SCHEDULE_DELAY: AGES, SIGNALBOX_PARK_TIMEOUT: AGES },
    );
    const script = `${IMPORTS}
      void withRoute('main', () => inSpan('queued'));
      void inSpan('request', {}, () => {
        void inSpan('parked');
        return new Promise(() => {});
      });`;
    expect(await runScript(script, env)).toEqual(ENDED_WELL);
    expect(receiver.requests).toEqual([]);
  });

  it('by a request whose boundary never completes', async () => {
    const receiver = await openReceiver();
    const env = backendVariables({ main: receiver.url, other: receiver.url });
    const script = `${IMPORTS}
      void withBoundary(() => new Promise(() => void inSpan('parked')));`;
    expect(await runScript(script, env)).toEqual(ENDED_WELL);
  });

  it.each(['signalbox', 'otlp-http'])('by connections that are idle (%s)', async (exporter) => {
    const receiver = await openReceiver();
    const env = backendVariables(
      { main: receiver.url },
      { SIGNALBOX_DEFAULT_ROUTE: 'main', SIGNALBOX_BACKEND_MAIN_EXPORTER: exporter },
    );
    const script = `${IMPORTS} await inSpan('sent'); await provider.forceFlush();`;
    expect(await runScript(script, env)).toEqual(ENDED_WELL);
    expect(namesAt(receiver)).toEqual(['sent']);
  });

  it('by batches that wait for a backend to come back', async () => {
    const env = backendVariables(
      { down: REFUSING_URL },
      { SIGNALBOX_DEFAULT_ROUTE: 'down', OTEL_BSP_SCHEDULE_DELAY: '0' },
    );
    const script = `${IMPORTS}
      await inSpan('waits');
      while (routing.stats().backends.down.state === 'up') {
        await new Promise((resolve) => setImmediate(resolve));
      }`;
    expect(await runScript(script, env)).toEqual(ENDED_WELL);
  });
});

describe('a process whose last line awaits', () => {
  it.each(['signalbox', 'otlp-http', 'console'])(
    'forceFlush() gets it, with spans and without (%s)',
    async (exporter) => {
      const receiver = await openReceiver();
      const env = backendVariables(
        { main: receiver.url },
        {
          SIGNALBOX_DEFAULT_ROUTE: 'main',
          SIGNALBOX_BACKEND_MAIN_EXPORTER: exporter,
          ...(exporter === 'console' && { SIGNALBOX_BACKEND_MAIN_ENDPOINT: undefined }),
        },
      );
      const script = `${IMPORTS}
        await provider.forceFlush();
        await inSpan('flushed');
        await provider.forceFlush();
        console.error('settled', routing.stats().backends.main.delivered);`;
      const { code, stderr } = await runScript(script, env);
      expect({ code, stderr }).toEqual({ code: 0, stderr: 'settled 1\n' });
    },
  );

  it('forceFlush() gets it when a batch has to be retried', async () => {
    let answered = 0;
    const receiver = await openReceiver({
      answer() {
        answered += 1;
        return answered === 1 ? { status: 503 } : undefined;
      },
    });
    const env = backendVariables({ main: receiver.url }, { SIGNALBOX_DEFAULT_ROUTE: 'main' });
    const script = `${IMPORTS}
      await inSpan('retried');
      await provider.forceFlush();
      console.log('settled');`;
    expect(await runScript(script, env)).toEqual({ ...ENDED_WELL, stdout: 'settled\n' });
    expect(namesAt(receiver)).toEqual(['retried']);
  });

  it('shutdown() gets it, whatever the backends do', async () => {
    const receiver = await openReceiver();
    const env = backendVariables(
      {
        healthy: receiver.url,
        stock: receiver.url,
        hanging: await openHangingBackend(),
        down: REFUSING_URL,
        idle: receiver.url,
      },
      {
        SIGNALBOX_ROUTES: 'all=healthy+stock+hanging+down,idle=idle',
        SIGNALBOX_SHUTDOWN_TIMEOUT: '1000',
        SIGNALBOX_BACKEND_STOCK_EXPORTER: 'otlp-http',
        SIGNALBOX_BACKEND_HANGING_TIMEOUT: AGES,
      },
    );
    const script = `${IMPORTS}
      await withRoute('all', () => inSpan('sent'));
      await provider.shutdown();
      console.log('settled');`;
    expect(await runScript(script, env)).toEqual({ ...ENDED_WELL, stdout: 'settled\n' });
    expect(namesAt(receiver)).toEqual(['sent', 'sent']);
  });

  it('shutdown() ends soon after it, although a stock exporter’s request hangs', async () => {
    const env = backendVariables(
      { hanging: await openHangingBackend() },
      {
        SIGNALBOX_DEFAULT_ROUTE: 'hanging',
        SIGNALBOX_SHUTDOWN_TIMEOUT: '300',
        SIGNALBOX_BACKEND_HANGING_EXPORTER: 'otlp-http',
        SIGNALBOX_BACKEND_HANGING_TIMEOUT: AGES,
      },
    );
    const script = `${IMPORTS}
      await inSpan('lost');
      await provider.shutdown();
      console.log(JSON.stringify(routing.stats().backends.hanging.dropped));`;
    const { code, stdout } = await runScript(script, env);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"shutdown_timeout":1}\n' });
  }, 10_000);

  it('both at once, and each of them twice', async () => {
    const receiver = await openReceiver();
    const env = backendVariables({ main: receiver.url }, { SIGNALBOX_DEFAULT_ROUTE: 'main' });
    const script = `${IMPORTS}
      await inSpan('sent');
      await Promise.all([
        provider.forceFlush(), provider.shutdown(), provider.forceFlush(), provider.shutdown(),
      ]);
      await provider.forceFlush();
      await provider.shutdown();
      console.log('settled');`;
    expect(await runScript(script, env)).toEqual({ ...ENDED_WELL, stdout: 'settled\n' });
    expect(namesAt(receiver)).toEqual(['sent']);
  });

  it('forceFlush() for a resource whose attributes are pending', async () => {
    const receiver = await openReceiver();
    const script = `
      import { resourceFromAttributes } from '@opentelemetry/resources';
      import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
      import { RoutingSpanProcessor } from 'signalbox';
      const hostId = new Promise((resolve) => setTimeout(resolve, 50, 'host-1').unref());
      const provider = new NodeTracerProvider({
        resource: resourceFromAttributes({ 'host.id': hostId }),
        spanProcessors: [RoutingSpanProcessor.fromEnv()],
      });
      provider.getTracer('test').startSpan('sent').end();
      await provider.forceFlush();
      console.log('settled');`;
    const env = backendVariables({ main: receiver.url }, { SIGNALBOX_DEFAULT_ROUTE: 'main' });
    expect(await runScript(script, env)).toEqual({ ...ENDED_WELL, stdout: 'settled\n' });
    expect(namesAt(receiver)).toEqual(['sent']);
  });
});

describe('a process that shuts down on SIGTERM', () => {
  it('delivers all that had ended, parked spans that have a default route included', async () => {
    const receiver = await openReceiver();
    const env = backendVariables(
      { standard: `${receiver.url}/standard`, acme: `${receiver.url}/acme` },
      {
        SIGNALBOX_DEFAULT_ROUTE: 'standard',
        SIGNALBOX_PARK_OVERFLOW: 'default',
        OTEL_BSP_SCHEDULE_DELAY: AGES,
      },
    );
    const child = startScript(
      `${IMPORTS}
      const alive = setInterval(() => {}, 1000);
      process.once('SIGTERM', async () => {
        clearInterval(alive);
        await provider.shutdown();
      });
      for (let n = 0; n < 1000; n += 1) {
        void inSpan('request', {}, () => {
          void inSpan('before the key');
          if (n % 2 === 0) setRoute('acme');
        });
      }
      void inSpan('open request', {}, () => {
        void inSpan('parked');
        return new Promise(() => {});
      });
      setImmediate(() => process.send('ready'));`,
      env,
    );
    await child.receive();
    child.kill('SIGTERM');

    expect(await child.ended).toEqual(ENDED_WELL);
    expect(receiver.spans('acme')).toHaveLength(1000);
    expect(receiver.spans('standard')).toHaveLength(1001);
    expect(new Set(receiver.spans().map(({ spanId }) => spanId)).size).toBe(2001);
  });
});
