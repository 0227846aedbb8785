import { type Context, context, DiagLogLevel, diag, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { SamplingDecision, type TracerConfig } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeySigner } from '../../src/boundary/signed-key.js';
import {
  getRoute,
  RoutePropagator,
  RoutingSpanProcessor,
  type SignalboxConfig,
  setRoute,
  withBoundary,
  withRoute,
} from '../../src/index.js';
import { expectLaws } from '../helpers/laws.js';
import {
  type RecordingExporter,
  recordingExporter,
  type Service,
  startService,
} from '../helpers/service.js';
import {
  HEADER,
  HOST,
  injected,
  OTHER_TRACE_ID,
  received,
  SECRET,
  TRACE_ID,
  withCaller,
} from './calls.js';

const signer = createKeySigner({ secret: SECRET, previousSecret: undefined, epochMs: Date.now });

let exporters: Record<'standard' | 'acme' | 'globex', RecordingExporter>;
let service: Service;
let propagator: RoutePropagator;

function start(change: Partial<SignalboxConfig> = {}, tracing: TracerConfig = {}): void {
  exporters = {
    standard: recordingExporter(),
    acme: recordingExporter(),
    globex: recordingExporter(),
  };
  service = startService(
    {
      backends: {
        standard: { exporter: exporters.standard },
        acme: { exporter: exporters.acme },
        globex: { exporter: exporters.globex },
      },
      defaultRoute: 'standard',
      ...change,
    },
    tracing,
  );
}

async function restart(change: Partial<SignalboxConfig>, tracing?: TracerConfig): Promise<void> {
  await service.stop();
  start(change, tracing);
}

beforeEach(() => {
  propagator = new RoutePropagator({ secret: SECRET, hosts: [HOST] });
  start();
});

afterEach(() => service.stop());

/** The context of a request that another service has given this key; of one that has given none. */
function requestOf(key: string | undefined, traceId = TRACE_ID, base?: Context): Context {
  const header = key === undefined ? undefined : signer.sign(key, traceId);
  return received(propagator, header, traceId, base);
}

/** Runs `fn` in the server span of a request, as instrumentation does. */
function serve<T>(request: Context, fn: () => T): T {
  return context.with(request, () => service.inSpan('request', fn));
}

async function arrived(): Promise<Record<string, string[]>> {
  await service.processor.forceFlush();
  expectLaws(service.processor.stats());
  return Object.fromEntries(
    Object.entries(exporters)
      .map(([backend, exporter]) => [backend, exporter.names()] as const)
      .filter(([, names]) => names.length > 0),
  );
}

function decisions() {
  return service.processor.stats().decisions;
}

describe('a request whose key came from another service', () => {
  it('goes where that key leads, where nobody here names one', async () => {
    serve(requestOf('acme'), () => {
      service.inSpan('authenticate', () => {});
      expect(getRoute()).toBeUndefined();
    });
    expect(await arrived()).toEqual({ acme: ['authenticate', 'request'] });
    expect(decisions()).toMatchObject({ decided: 1, settled: 0, late: 0 });
  });

  it('goes there too where a boundary names no key, be it the first to know of the request', async () => {
    serve(requestOf('acme'), () => withBoundary(() => service.inSpan('work', () => {})));
    context.with(requestOf('globex', OTHER_TRACE_ID), () =>
      withBoundary(() => {
        service.inSpan('message', () => {});
        service.tracer.startSpan('root', { root: true }).end();
      }),
    );
    withBoundary(() => serve(requestOf('globex'), () => {}));
    expect(await arrived()).toEqual({
      acme: ['work', 'request'],
      globex: ['message', 'root', 'request'],
    });
  });

  it('goes there too where its server span is not recorded', async () => {
    const sampler = {
      shouldSample: (_context: Context, _traceId: string, name: string) => ({
        decision:
          name === 'request' ? SamplingDecision.NOT_RECORD : SamplingDecision.RECORD_AND_SAMPLED,
      }),
    };
    await restart({}, { sampler });
    serve(requestOf('acme'), () => service.inSpan('work', () => {}));
    serve(requestOf('acme'), () => withBoundary(() => service.inSpan('more', () => {})));
    serve(requestOf(undefined), () => service.inSpan('other', () => {}));
    expect(await arrived()).toEqual({ acme: ['work', 'more'], standard: ['other'] });
  });

  it('follows the key that is named here, and no other', async () => {
    serve(requestOf('acme'), () => {
      service.inSpan('authenticate', () => {});
      expect(setRoute('globex')).toBe('decided');
      expect(getRoute()).toBe('globex');
    });
    serve(requestOf('acme'), () => withRoute('globex', () => service.inSpan('scoped', () => {})));
    expect(await arrived()).toEqual({
      globex: ['authenticate', 'request', 'scoped'],
      acme: ['request'],
    });
    expect(decisions()).toMatchObject({ conflict: 0, late: 0 });
  });

  it('is dropped where the key that is named here is unknown', async () => {
    serve(requestOf('acme'), () => expect(setRoute('nobody')).toBe('unknown'));
    expect(await arrived()).toEqual({});
    expect(service.processor.stats().dropped).toEqual({ unknown_route: 1 });
  });

  it('has that key once it is settled, and follows a late key from then on', async () => {
    const server = service.tracer.startSpan('request', {}, requestOf('acme'));
    const request = trace.setSpan(requestOf('acme'), server);
    server.end();
    context.with(request, () => {
      expect(getRoute()).toBe('acme');
      service.inSpan('after', () => {});
      expect(setRoute('globex')).toBe('decided');
      expect(getRoute()).toBe('globex');
      service.inSpan('later', () => {});
      expect(setRoute('acme')).toBe('conflict');
    });
    expect(await arrived()).toEqual({ acme: ['request', 'after'], globex: ['later'] });
    expect(decisions()).toMatchObject({ decided: 1, late: 1, conflict: 1 });
  });

  it('waits for a boundary that has not completed', async () => {
    let complete = () => {};
    const answer = new Promise<void>((resolve) => {
      complete = resolve;
    });
    const server = service.tracer.startSpan('request', {}, requestOf('acme'));
    const handled = context.with(trace.setSpan(requestOf('acme'), server), () =>
      withBoundary(async () => {
        await answer;
        setRoute('globex');
      }),
    );
    server.end();
    expect(service.processor.stats().parked).toBe(1);
    complete();
    await handled;
    expect(await arrived()).toEqual({ globex: ['request'] });
  });

  it('says so in the debug log', () => {
    const lines: unknown[][] = [];
    const silent = () => {};
    const debug = (...line: unknown[]) => lines.push(line);
    const logger = { debug, error: silent, warn: silent, info: silent, verbose: silent };
    diag.setLogger(logger, { logLevel: DiagLogLevel.DEBUG, suppressOverrideMessage: true });
    serve(requestOf('acme'), () => {});
    received(propagator, signer.sign('acme', OTHER_TRACE_ID));
    diag.disable();
    expect(lines.filter(([message]) => String(message).startsWith('signalbox'))).toEqual([
      ['signalbox: decided', { key: 'acme', by: 'wire', leadsTo: ['acme'], traceId: TRACE_ID }],
      ['signalbox: refused', { cause: 'forged', traceId: TRACE_ID }],
    ]);
  });
});

describe('a key from another service that no route knows', () => {
  it('is as unknown as any other: its spans are dropped, and never follow the default route', async () => {
    serve(requestOf('nobody'), () => {});
    expect(await arrived()).toEqual({});
    expect(service.processor.stats().dropped).toEqual({ unknown_route: 1 });
    expect(decisions()).toMatchObject({ unknown: 1, settled: 0 });
  });

  it('follows the default route where unknown keys do', async () => {
    await restart({ unknownRoute: 'default' });
    serve(requestOf('nobody'), () => {});
    expect(await arrived()).toEqual({ standard: ['request'] });
  });

  it('gives way to one that is named here, also where all routes lead to the same backends', async () => {
    await restart({ routes: { acme: ['acme'], globex: ['acme'] }, defaultRoute: 'acme' });
    serve(requestOf('nobody'), () => {
      service.inSpan('authenticate', () => {});
      setRoute('globex');
    });
    serve(requestOf('nobody'), () => service.inSpan('lost', () => {}));
    expect(await arrived()).toEqual({ acme: ['authenticate', 'request'] });
    expect(service.processor.stats().dropped).toEqual({ unknown_route: 2 });
  });
});

describe('a key from another service wins over the default route', () => {
  it('where parking is off', async () => {
    await restart({ parkMaxSpans: 0 });
    serve(requestOf('acme'), () => {
      service.inSpan('before', () => {});
      setRoute('globex');
      service.inSpan('after', () => {});
    });
    expect(await arrived()).toEqual({ acme: ['before'], globex: ['after', 'request'] });
    expect(decisions()).toMatchObject({ decided: 1, late: 1, settled: 0 });
  });

  it('where parked spans overflow', async () => {
    await restart({ parkMaxSpans: 1, parkOverflow: 'default' });
    serve(requestOf('acme'), () => {
      for (const name of ['1', '2', '3']) service.inSpan(name, () => {});
    });
    expect(await arrived()).toEqual({ acme: ['1', '2', '3', 'request'] });
    expect(decisions()).toMatchObject({ decided: 1, settled: 0 });
  });

  it('where the processor shuts down', async () => {
    await restart({ parkOverflow: 'default' });
    const server = service.tracer.startSpan('request', {}, requestOf('acme'));
    service.tracer.startSpan('child', {}, trace.setSpan(requestOf('acme'), server)).end();
    await service.processor.shutdown();
    expect(exporters.acme.names()).toEqual(['child']);
    server.end();
  });

  it('where all routes lead to the same backends: its spans bear it', async () => {
    await restart({ routes: { a: ['acme'], b: ['acme'] }, defaultRoute: 'a' });
    serve(requestOf('b'), () => service.inSpan('work', () => {}));
    expect(service.processor.stats().parked).toBe(0);
    expect(await arrived()).toEqual({ acme: ['work', 'request'] });
    expect(exporters.acme.spans.map(({ attributes }) => attributes['signalbox.route'])).toEqual([
      'b',
      'b',
    ]);
  });
});

describe('a key from another service is not taken for more than its own request', () => {
  it('says nothing of another trace that starts in its context', async () => {
    const request = requestOf('acme');
    service.tracer.startSpan('root', { root: true }, request).end();
    service.tracer.startSpan('other', {}, withCaller(OTHER_TRACE_ID, request)).end();
    expect(await arrived()).toEqual({ standard: ['root', 'other'] });
  });

  it('is not that of a second boundary in the request, which may be other work', async () => {
    serve(requestOf('acme'), () => {
      withBoundary(() => service.inSpan('first', () => {}));
      withBoundary(() => service.inSpan('second', () => {}));
    });
    expect(await arrived()).toEqual({ acme: ['first', 'request'] });
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 1 });
  });

  it('does not name a boundary inside a key that was named here', async () => {
    withRoute('acme', () =>
      context.with(requestOf('globex', TRACE_ID, context.active()), () =>
        withBoundary(() => service.inSpan('message', () => {})),
      ),
    );
    expect(await arrived()).toEqual({});
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 1 });
  });

  it.each([
    ['other keys', 'acme', 'globex'],
    ['a key and none', 'acme', undefined],
    ['none and a key', undefined, 'acme'],
  ])('names none for messages with %s in one boundary', async (_name, first, second) => {
    const handle = () => {
      serve(requestOf(first, TRACE_ID, context.active()), () => {});
      serve(requestOf(second, OTHER_TRACE_ID, context.active()), () => {});
    };
    withBoundary(handle);
    expect(await arrived()).toEqual({});
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 2 });
    withBoundary(() => {
      handle();
      setRoute('globex');
    });
    expect(await arrived()).toEqual({ globex: ['request', 'request'] });
  });

  it('names all messages of one boundary where they agree', async () => {
    withBoundary(() => {
      serve(requestOf('acme', TRACE_ID, context.active()), () => {});
      serve(requestOf('acme', OTHER_TRACE_ID, context.active()), () => {});
    });
    expect(await arrived()).toEqual({ acme: ['request', 'request'] });
  });

  it('is not given to a message that runs in a context which a boundary left behind', async () => {
    const leave = (request: Context) =>
      context.with(request, () => withBoundary(() => context.active()));
    const run = (key: string | undefined, leaked: Context) =>
      serve(requestOf(key, OTHER_TRACE_ID, leaked), () => {});

    run('acme', leave(ROOT_CONTEXT));
    run('acme', leave(requestOf(undefined)));
    const acme = leave(requestOf('acme'));
    run('globex', acme);
    run(undefined, acme);
    expect(await arrived()).toEqual({});
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 4 });

    // What the boundary itself has left to do goes where it went.
    context.with(acme, () => service.inSpan('after', () => {}));
    run(undefined, leave(ROOT_CONTEXT));
    expect(await arrived()).toEqual({ acme: ['after'], standard: ['request'] });
  });
});

describe('a key from another service is passed on', () => {
  function passedOn(request: Context): string | undefined {
    return injected(service, propagator, request)[HEADER];
  }

  function serving<T>(request: Context, fn: (active: Context) => T): T {
    return serve(request, () => fn(context.active()));
  }

  it('signed afresh, while nobody here has named another', () => {
    const old = createKeySigner({
      secret: SECRET,
      previousSecret: undefined,
      epochMs: () => Date.now() - 200_000,
    }).sign('acme', TRACE_ID);
    serving(received(propagator, old), (active) => {
      const header = passedOn(active) ?? '';
      expect(header).not.toBe(old);
      expect(signer.verify(header, TRACE_ID)).toEqual({ key: 'acme' });
      setRoute('globex');
      expect(signer.verify(passedOn(active), TRACE_ID)).toEqual({ key: 'globex' });
    });
  });

  it('where this service has no route for it', () => {
    serving(requestOf('nobody'), (active) => {
      expect(signer.verify(passedOn(active), TRACE_ID)).toEqual({ key: 'nobody' });
    });
  });

  it('within its own trace only', () => {
    withBoundary(() => {
      serving(requestOf('acme', TRACE_ID, context.active()), (active) => {
        expect(passedOn(active)).toBeDefined();
        expect(passedOn(trace.deleteSpan(active))).toBeUndefined();
        expect(passedOn(withCaller(OTHER_TRACE_ID, active))).toBeUndefined();
      });
    });
  });

  it('not where callers disagree', () => {
    withBoundary(() => {
      serving(requestOf('acme', TRACE_ID, context.active()), (active) => {
        serving(requestOf('globex', OTHER_TRACE_ID, active), () => {});
        expect(passedOn(active)).toBeUndefined();
      });
    });
  });
});

it('leads where each of several processors says', async () => {
  const elsewhere = recordingExporter();
  const other = new RoutingSpanProcessor({
    backends: { elsewhere: { exporter: elsewhere } },
    routes: { acme: ['elsewhere'] },
  });
  serve(requestOf('acme'), () => {
    const { decided } = other.stats().decisions;
    expect(decided).toBe(0);
  });
  expect(other.stats().decisions).toMatchObject({ decided: 1, settled: 0 });
  expect(await arrived()).toEqual({ acme: ['request'] });
  await other.shutdown();
});
