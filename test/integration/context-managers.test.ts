import {
  type Context,
  type ContextManager,
  context,
  createContextKey,
  diag,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  getRoute,
  RoutingSpanProcessor,
  setRoute,
  withBoundary,
  withRoute,
} from '../../src/index.js';
import { type RecordingExporter, recordingExporter } from '../helpers/service.js';

let acme: RecordingExporter;
let standard: RecordingExporter;
let provider: BasicTracerProvider;

beforeEach(() => {
  acme = recordingExporter();
  standard = recordingExporter();
  provider = new BasicTracerProvider({
    spanProcessors: [
      new RoutingSpanProcessor({
        backends: { acme: { exporter: acme }, standard: { exporter: standard } },
        defaultRoute: 'standard',
      }),
    ],
  });
});

afterEach(async () => {
  await provider.shutdown();
  context.disable();
  diag.disable();
});

describe('without a context manager', () => {
  it('functions run, and a warning says once what to register', async () => {
    const warn = vi.fn<(message: string) => void>();
    diag.setLogger({ error() {}, warn, info() {}, debug() {}, verbose() {} });
    const tracer = provider.getTracer('test');

    const outcomes = ['first', 'second'].map((name) =>
      withRoute('acme', () => {
        tracer.startSpan(name).end();
        return getRoute() ?? 'no key';
      }),
    );
    const awaited = await withBoundary(async () => 'completed');
    await provider.forceFlush();

    expect([...outcomes, awaited]).toEqual(['no key', 'no key', 'completed']);
    expect(standard.names()).toEqual(['first', 'second']);
    expect(acme.names()).toEqual([]);
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/^signalbox: .*AsyncLocalStorageContextManager/)],
    ]);
  });

  it('what a function throws is thrown', () => {
    const fail = () => {
      throw new RangeError('the application’s own');
    };
    expect(() => withRoute('acme', fail)).toThrow(RangeError);
    expect(() => withBoundary(fail)).toThrow(RangeError);
  });
});

const SCOPES = createContextKey('scopes of an error reporter');

/** As Sentry's: every context that is entered is replaced by one derived from it. */
class ForkingContextManager extends AsyncLocalStorageContextManager {
  override with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    entered: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    const parent = entered.getValue(SCOPES);
    const forked = entered.setValue(SCOPES, { parent }).deleteValue(createContextKey('transient'));
    return super.with(forked, fn, thisArg, ...args);
  }
}

/** Hands out contexts of a class of its own, a new one at each call. */
class MaskingContextManager extends AsyncLocalStorageContextManager {
  override active(): Context {
    return mask(super.active());
  }
}

function mask(inner: Context): Context {
  return {
    getValue: (key) => inner.getValue(key),
    setValue: (key, value) => mask(inner.setValue(key, value)),
    deleteValue: (key) => mask(inner.deleteValue(key)),
  };
}

describe.each<{ what: string; create: () => ContextManager }>([
  { what: 'forks the contexts that it is given', create: () => new ForkingContextManager() },
  { what: 'hands out contexts of its own kind', create: () => new MaskingContextManager() },
])('with a context manager that $what', ({ create }) => {
  it('requests, boundaries and scopes are routed', async () => {
    const warn = vi.fn<(message: string) => void>();
    diag.setLogger({ error() {}, warn, info() {}, debug() {}, verbose() {} });
    context.setGlobalContextManager(create().enable());
    const tracer = provider.getTracer('test');
    const turn = () => new Promise((resolve) => setImmediate(resolve));

    await tracer.startActiveSpan('request', async (span) => {
      await withBoundary(async () => {
        tracer.startSpan('before the key').end();
        await turn();
        expect(setRoute('acme')).toBe('decided');
        await turn();
        tracer.startSpan('after the key', {}, trace.setSpan(context.active(), span)).end();
        withRoute('standard', () => tracer.startSpan('scope').end());
      });
      span.end();
    });
    await provider.forceFlush();

    expect(acme.names()).toEqual(['before the key', 'after the key', 'request']);
    expect(standard.names()).toEqual(['scope']);
    expect(warn).not.toHaveBeenCalled();
  });
});
