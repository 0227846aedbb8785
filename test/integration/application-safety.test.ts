import { describe, expect, it } from 'vitest';
import {
  backendVariables,
  namesAt,
  openHangingBackend,
  openReceiver,
  REFUSING_URL,
} from './backends.js';
import { fixture, runScript } from './child.js';

describe('an application', () => {
  it('sees no exception or rejection of signalbox’s making', async () => {
    const refusing = await openReceiver({ answer: () => ({ status: 401 }) });
    const breaking = await openReceiver({ answer: () => 'none' });
    const env = {
      REFUSING: refusing.url,
      BREAKING: breaking.url,
      HANGING: await openHangingBackend(),
      CLOSED: REFUSING_URL,
    };
    const script = `
      import { trace } from '@opentelemetry/api';
      import { resourceFromAttributes } from '@opentelemetry/resources';
      import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
      import { RoutingSpanProcessor, setRoute, withBoundary, withRoute } from 'signalbox';

      const seen = [];
      process.on('uncaughtException', (error) => seen.push(error.stack));
      process.on('unhandledRejection', (error) => seen.push(error.stack));

      const fail = () => { throw new Error('of the exporter'); };
      const reject = async () => fail();
      const quick = { scheduleDelayMs: 0, maxExportBatchSize: 1 };
      const backends = {
        refusing: { endpoint: process.env.REFUSING, ...quick },
        breaking: { endpoint: process.env.BREAKING, ...quick },
        hanging: { endpoint: process.env.HANGING, ...quick },
        closed: { endpoint: process.env.CLOSED, ...quick },
        stock: { endpoint: process.env.CLOSED, exporter: 'otlp-http', timeoutMs: 500, ...quick },
        throwing: { exporter: { export: fail, forceFlush: fail, shutdown: fail }, ...quick },
        rejecting: { exporter: { export: reject, forceFlush: reject, shutdown: reject }, ...quick },
        dispatching: { endpoint: process.env.CLOSED, dispatcher: { dispatch: fail }, ...quick },
      };
      const routing = new RoutingSpanProcessor({
        backends, routes: { all: Object.keys(backends) }, shutdownTimeoutMs: 300,
      });
      const provider = new NodeTracerProvider({
        resource: resourceFromAttributes({ 'host.id': reject() }),
        spanProcessors: [routing],
      });
      provider.register();
      const tracer = trace.getTracer('test');

      for (const key of ['all', '', 'k'.repeat(10_000), '\\n', undefined, 7, {}, Symbol('key')]) {
        withRoute(key, () => tracer.startSpan('span').end());
        withBoundary(() => setRoute(key));
        setRoute(key);
      }
      const throwing = { get toString() { return fail(); }, get toJSON() { return fail(); } };
      const hostile = withRoute('all', () =>
        tracer.startSpan('hostile', { attributes: { text: '\\ud800' } }));
      // Not by the API: SDK 3 itself looks into what it is given, and throws.
      Object.assign(hostile.attributes, { throwing, nested: [[throwing]] });
      hostile.attributes.trap = { get inside() { return fail(); } };
      hostile.end();
      while (routing.stats().backends.refusing.dropped.refused === undefined) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await provider.shutdown();
      tracer.startSpan('late').end();
      setRoute('all');
      console.log(JSON.stringify(seen));`;
    const { code, stdout } = await runScript(script, env);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '[]\n' });
  });

  it('is not harmed by its own diag logger when that throws', async () => {
    const receiver = await openReceiver();
    const env = backendVariables(
      { main: receiver.url, other: REFUSING_URL },
      {
        SIGNALBOX_ROUTES: 'main=main,both=main+other',
        SIGNALBOX_BACKEND_OTHER_RETRY_MAX_ELAPSED: '0',
        SIGNALBOX_BACKEND_MAIN_MAX_QUEUE_SIZE: '3',
        SIGNALBOX_IS_NO_SETTING: 'which is warned of',
      },
    );
    const script = `
      import { diag, DiagLogLevel } from '@opentelemetry/api';
      let lines = 0;
      const fail = (message) => {
        if (!message.startsWith('signalbox')) return;
        lines += 1;
        throw new Error('of the logger');
      };
      diag.setLogger(
        { error: fail, warn: fail, info: fail, debug: fail, verbose: fail }, DiagLogLevel.ALL);
      const { setRoute, withRoute } = await import('signalbox');
      const { inSpan, provider, routing } = await import('${fixture('telemetry.mjs')}');

      setRoute('main');
      await inSpan('no route');
      await withRoute('unknown', () => inSpan('unknown'));
      await withRoute('main', () => { setRoute('both'); return inSpan('conflict'); });
      for (let n = 0; n < 5; n += 1) await withRoute('both', () => inSpan('sent'));
      await provider.shutdown();
      await inSpan('late');
      console.log(lines > 5, JSON.stringify(routing.stats()));`;
    const { code, stdout, stderr } = await runScript(script, env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^true /);
    expect(JSON.parse(stdout.slice('true '.length))).toMatchObject({
      ended: 9,
      routed: 6,
      dropped: { no_route: 1, unknown_route: 1, already_shutdown: 1 },
    });
    expect(namesAt(receiver)).toEqual(['conflict', 'sent', 'sent']);
  });
});
