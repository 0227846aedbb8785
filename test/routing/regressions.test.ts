import {
  context,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setRoute, withBoundary, withRoute } from '../../src/index.js';
import {
  type RecordingExporter,
  recordingExporter,
  type Service,
  startService,
} from '../helpers/service.js';

let standard: RecordingExporter;
let acme: RecordingExporter;
let service: Service;

beforeEach(() => {
  standard = recordingExporter();
  acme = recordingExporter();
  service = startService({
    backends: { standard: { exporter: standard }, acme: { exporter: acme } },
    defaultRoute: 'standard',
  });
});

afterEach(() => service.stop());

/** A span that is nobody's: its context leaked out of a request, and has done another tenant's work since. */
function startAmbiguousSpan(): Span {
  const request = service.tracer.startSpan('request', { root: true });
  const leaked = trace.setSpan(ROOT_CONTEXT, request);
  context.with(leaked, () => setRoute('acme'));
  request.end();
  context.with(leaked, () => setRoute('standard'));
  return service.tracer.startSpan('timer', {}, leaked);
}

function inside<T>(span: Span, fn: () => T): T {
  return context.with(trace.setSpan(ROOT_CONTEXT, span), fn);
}

describe('inside an ambiguous span', () => {
  // Its spans may be the work of the tenant whose context leaked: the default route would be a guess.
  it('drops the spans of a boundary that gets no key', async () => {
    const timer = startAmbiguousSpan();
    inside(timer, () => withBoundary(() => service.inSpan('work', () => {})));
    timer.end();
    await service.processor.forceFlush();
    expect(standard.names()).toEqual([]);
    expect(acme.names()).toEqual(['request']);
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 2 });
  });

  it('delivers what a keyed scope makes', async () => {
    const timer = startAmbiguousSpan();
    inside(timer, () => withRoute('acme', () => service.inSpan('work', () => {})));
    timer.end();
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['request', 'work']);
  });

  // One ambiguous span says nothing of another: each may belong to a different tenant.
  it('drops, in a keyed scope, the child of another ambiguous span', async () => {
    const timer = startAmbiguousSpan();
    const stranger = startAmbiguousSpan();
    inside(timer, () =>
      withRoute('acme', () => {
        const pooled = trace.setSpan(context.active(), stranger);
        service.tracer.startSpan('callback', {}, pooled).end();
      }),
    );
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['request', 'request']);
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 1 });
  });
});

describe('boundaries beside each other under one open span', () => {
  const handle = (tenant: string | undefined, lookup: Promise<void>) =>
    withBoundary(async () => {
      await lookup;
      const outcome = tenant === undefined ? undefined : setRoute(tenant);
      service.inSpan(`work of ${tenant}`, () => {});
      return outcome;
    });

  it('are decided each by itself, also while they overlap', async () => {
    const lookup = Promise.resolve();
    await service.inSpan('batch', () =>
      Promise.all([handle('acme', lookup), handle('standard', lookup)]).then((outcomes) =>
        expect(outcomes).toEqual(['decided', 'decided']),
      ),
    );
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['work of acme', 'batch']);
    expect(standard.names()).toEqual(['work of standard']);
  });

  it('do not take the unkeyed one along', async () => {
    await service.inSpan('batch', async () => {
      await handle(undefined, Promise.resolve());
      await handle('acme', Promise.resolve());
    });
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['work of acme']);
    expect(standard.names()).toEqual(['work of undefined', 'batch']);
  });

  it('share the decision where one encloses the other', async () => {
    service.inSpan('server', () =>
      withBoundary(() =>
        withBoundary(() => {
          setRoute('acme');
          withBoundary(() => service.inSpan('inner', () => {}));
        }),
      ),
    );
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['server']);
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 1 });
  });
});

/** A job that reschedules itself from inside its own boundary, this many times. */
function poll(times: number): Promise<void> {
  return new Promise((resolve) => {
    const run = (left: number): void =>
      withBoundary(() => {
        service.inSpan('poll', () => {});
        if (left > 1) setImmediate(run, left - 1);
        else resolve();
      });
    run(times);
  });
}

describe('boundaries that nest without end inside a keyed scope', () => {
  it('never reach the default route', async () => {
    await withRoute('acme', () => poll(201));
    await service.processor.forceFlush();
    expect(standard.names()).toEqual([]);
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 201 });
  });
});

describe('boundaries that nest without end where nothing is keyed', () => {
  it('reach the default route, all of them', async () => {
    await poll(301);
    await service.processor.forceFlush();
    expect(standard.spans).toHaveLength(301);
  });
});

describe('parked spans that fill the budget', () => {
  it('keep their room as they move to a queue of it', async () => {
    await service.stop();
    service = startService({
      backends: { standard: { exporter: standard }, acme: { exporter: acme } },
      defaultRoute: 'standard',
      maxBufferedBytes: 2 ** 20,
    });
    const prompt = 'x'.repeat(10_000);
    service.inSpan('root', () => {
      for (let i = 0; i < 80; i += 1) {
        service.inSpan('work', (span) => span.setAttribute('gen_ai.prompt', prompt));
      }
      setRoute('acme');
      expect(service.processor.stats().backends.acme?.accepted).toBe(80);
    });
    await service.processor.forceFlush();
    expect(acme.spans).toHaveLength(81);
  });

  it('are settled to the default route, and not dropped, with parkOverflow=default', async () => {
    await service.stop();
    service = startService({
      backends: { standard: { exporter: standard }, acme: { exporter: acme } },
      defaultRoute: 'standard',
      maxBufferedBytes: 64 * 1024,
      parkOverflow: 'default',
    });
    await service.inSpan('root', async () => {
      for (let i = 0; i < 100; i += 1) {
        service.inSpan('work', () => {});
        await service.processor.forceFlush();
      }
    });
    await service.processor.forceFlush();
    // The queue shares the budget, which is full as they arrive there: none is dropped before.
    expect(service.processor.stats()).toMatchObject({ ended: 101, routed: 101, dropped: {} });
  });
});

describe('a logger that makes spans of its own', () => {
  it('does not end in an endless recursion', async () => {
    const log = () => service.tracer.startSpan('line', { root: true }).end();
    const logger = { error: log, warn: log, info: log, debug: log, verbose: log };
    diag.setLogger(logger, DiagLogLevel.DEBUG);
    service.inSpan('request', () => {});
    diag.disable();
    await service.processor.forceFlush();
    expect(standard.names()).toEqual(expect.arrayContaining(['request', 'line']));
    expect(service.processor.stats().ended).toBeLessThan(100);
  });
});

describe('an open request whose root ends before what a keyed scope in it makes', () => {
  it('stays open until that has ended', async () => {
    const root = service.tracer.startSpan('root');
    const scoped = inside(root, () => withRoute('acme', () => service.tracer.startSpan('scoped')));
    root.end();
    expect(service.processor.stats()).toMatchObject({ parked: 1, decisions: { settled: 0 } });
    expect(inside(root, () => setRoute('acme'))).toBe('decided');
    scoped.end();
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['root', 'scoped']);
    expect(service.processor.stats().decisions).toMatchObject({ settled: 0, late: 0 });
  });
});

describe('the last span of an unkeyed request', () => {
  it('needs no room in a full parking lot', async () => {
    await service.stop();
    service = startService({
      backends: { standard: { exporter: standard }, acme: { exporter: acme } },
      defaultRoute: 'standard',
      parkMaxSpans: 1,
    });
    service.inSpan('root', () => service.inSpan('child', () => {}));
    await service.processor.forceFlush();
    expect(standard.names()).toEqual(['child', 'root']);
    expect(service.processor.stats().dropped).toEqual({});
  });
});

describe('two requests of one remote trace in one boundary', () => {
  // Each of their server spans opens a local trace, and is the local root of what was started inside it.
  it('tells from the end of the local root, not of the other, that a context has leaked', async () => {
    const remote = trace.setSpanContext(ROOT_CONTEXT, {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: TraceFlags.SAMPLED,
      isRemote: true,
    });
    await context.with(remote, () =>
      withBoundary(async () => {
        const first = service.tracer.startSpan('first');
        const second = service.tracer.startSpan('second');
        const inSecond = trace.setSpan(context.active(), second);
        const scope = context.with(inSecond, () => withRoute('acme', () => context.active()));
        service.tracer.startSpan('work', {}, scope).end();
        second.end();
        expect(context.with(scope, () => setRoute('standard'))).toBe('conflict');
        service.tracer.startSpan('leaked', {}, scope).end();
        first.end();
      }),
    );
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['work']);
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 1 });
  });
});

describe('a span whose own attribute runs code as it is parked', () => {
  /** Ends a span of an open decision, an element of whose attribute runs `code` when it is read. */
  function endRunning(code: () => void): void {
    let hasRun = false;
    const array = Object.defineProperty(['x'], 0, {
      enumerable: true,
      get() {
        if (!hasRun) {
          hasRun = true;
          code();
        }
        return 'x';
      },
    });
    const span = service.tracer.startSpan('span');
    // Past the API's checks, as other processors can.
    Object.assign((span as Span & { attributes: object }).attributes, { array });
    span.end();
  }

  it('follows the key that the code decides', async () => {
    await withBoundary(async () => endRunning(() => setRoute('acme')));
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['span']);
    expect(service.processor.stats().parked).toBe(0);
  });

  it('is dropped where the code shuts the processor down', async () => {
    await withBoundary(async () => endRunning(() => void service.processor.shutdown()));
    expect(service.processor.stats()).toMatchObject({ parked: 0, dropped: { park_limit: 1 } });
  });
});
