import {
  context,
  DiagLogLevel,
  diag,
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { AlwaysOffSampler, AlwaysOnSampler, SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  getRoute,
  type SignalboxConfig,
  setRoute,
  withBoundary,
  withRoute,
} from '../../src/index.js';
import {
  type RecordingExporter,
  recordingExporter,
  type Service,
  startService,
} from '../helpers/service.js';

const REMOTE = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
  isRemote: true,
};

let standard: RecordingExporter;
let acme: RecordingExporter;
let globex: RecordingExporter;
let service: Service;

function config(): SignalboxConfig {
  return {
    backends: {
      standard: { exporter: standard },
      acme: { exporter: acme },
      globex: { exporter: globex },
    },
    routes: {
      standard: ['standard'],
      acme: ['acme'],
      globex: ['globex'],
      both: ['acme', 'globex'],
    },
    defaultRoute: 'standard',
  };
}

beforeEach(() => {
  standard = recordingExporter();
  acme = recordingExporter();
  globex = recordingExporter();
  service = startService(config());
});

afterEach(() => service.stop());

async function restart(change: Partial<SignalboxConfig>): Promise<void> {
  await service.stop();
  service = startService({ ...config(), ...change });
}

async function arrived(): Promise<Record<string, string[]>> {
  await service.processor.forceFlush();
  return { standard: standard.names(), acme: acme.names(), globex: globex.names() };
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe('a local trace', () => {
  it('goes to the default route when no key comes', async () => {
    service.inSpan('root', () => service.inSpan('child', () => {}));
    expect(await arrived()).toEqual({ standard: ['child', 'root'], acme: [], globex: [] });
    expect(service.processor.stats().decisions).toMatchObject({ settled: 1, decided: 0 });
  });

  it('takes the spans that ended before the key along, in the order in which they ended', async () => {
    service.inSpan('root', () => {
      service.inSpan('lookup', () => {});
      service.inSpan('verify', () => {});
      expect(service.processor.stats().parked).toBe(2);
      expect(setRoute('acme')).toBe('decided');
      expect(service.processor.stats().parked).toBe(0);
      service.inSpan('work', () => {});
    });
    expect(await arrived()).toEqual({
      standard: [],
      acme: ['lookup', 'verify', 'work', 'root'],
      globex: [],
    });
  });

  it('opens at a remote parent', async () => {
    const remote = trace.setSpanContext(ROOT_CONTEXT, REMOTE);
    const first = service.tracer.startSpan('first', { kind: SpanKind.SERVER }, remote);
    const second = service.tracer.startSpan('second', { kind: SpanKind.SERVER }, remote);
    context.with(trace.setSpan(remote, first), () => setRoute('acme'));
    context.with(trace.setSpan(remote, second), () => setRoute('globex'));
    first.end();
    second.end();
    expect(await arrived()).toEqual({ standard: [], acme: ['first'], globex: ['second'] });
  });

  it('is opened by a root span inside another trace, unless a boundary encloses it', async () => {
    service.inSpan('outside', () => {
      setRoute('acme');
      service.tracer.startSpan('detached', { root: true }).end();
      withRoute('globex', () => service.tracer.startSpan('enclosed', { root: true }).end());
    });
    expect(await arrived()).toEqual({
      standard: ['detached'],
      acme: ['outside'],
      globex: ['enclosed'],
    });
  });

  it('is opened by a child of an invalid parent', async () => {
    const invalid = trace.setSpanContext(ROOT_CONTEXT, INVALID_SPAN_CONTEXT);
    const span = service.tracer.startSpan('root', {}, invalid);
    context.with(trace.setSpan(invalid, span), () => setRoute('acme'));
    span.end();
    expect(await arrived()).toMatchObject({ acme: ['root'] });
  });
});

describe('the first key', () => {
  it('wins, and a second one is a conflict that changes nothing', async () => {
    service.inSpan('root', () => {
      expect(setRoute('acme')).toBe('decided');
      expect(setRoute('acme')).toBe('unchanged');
      expect(setRoute('globex')).toBe('conflict');
      expect(getRoute()).toBe('acme');
      service.inSpan('child', () => {});
    });
    expect(await arrived()).toEqual({ standard: [], acme: ['child', 'root'], globex: [] });
    expect(service.processor.stats().decisions).toMatchObject({ decided: 1, conflict: 1 });
  });

  it('decides although no route knows it', async () => {
    service.inSpan('root', () => {
      expect(setRoute('initech')).toBe('unknown');
      expect(setRoute('acme')).toBe('conflict');
    });
    expect(await arrived()).toEqual({ standard: [], acme: [], globex: [] });
    expect(service.processor.stats()).toMatchObject({
      dropped: { unknown_route: 1 },
      decisions: { unknown: 1, conflict: 1 },
    });
  });

  it.each([
    ['an empty key', ''],
    ['a key of 129 characters', 'a'.repeat(129)],
    ['a key of 10 kB', 'a'.repeat(10_000)],
    ['control characters', 'ac\nme'],
    ['a key that begins with a dot', '.acme'],
    ['a number', 7],
    ['nothing', undefined],
    ['an object', {}],
    ['a symbol', Symbol('acme')],
  ])('is unknown for %s, and nothing throws', async (_, key) => {
    service.inSpan('root', () => {
      expect(setRoute(key as string)).toBe('unknown');
      expect(getRoute()).toBeUndefined();
    });
    expect(withRoute(key as string, () => service.inSpan('scoped', () => 42))).toBe(42);
    expect(await arrived()).toEqual({ standard: [], acme: [], globex: [] });
    expect(service.processor.stats().dropped).toEqual({ unknown_route: 2 });
  });

  it('leads to the default route with unknownRoute=default', async () => {
    await restart({ unknownRoute: 'default' });
    service.inSpan('root', () => setRoute('initech'));
    expect(await arrived()).toMatchObject({ standard: ['root'] });
  });

  it('decides spans that end after the decision was settled, and is counted as late', async () => {
    const kept = service.inSpan('root', () => context.active());
    context.with(kept, () => {
      service.inSpan('unkeyed', () => {});
      const open = service.tracer.startSpan('open');
      expect(setRoute('acme')).toBe('decided');
      open.end();
      service.inSpan('keyed', () => {});
    });
    expect(await arrived()).toEqual({
      standard: ['root', 'unkeyed'],
      acme: ['open', 'keyed'],
      globex: [],
    });
    expect(service.processor.stats().decisions).toMatchObject({ settled: 1, late: 1, decided: 0 });
  });
});

describe('a leaked context', () => {
  it('drops what starts after a conflict once the local root has ended', async () => {
    const leaked = service.inSpan('root', () => {
      setRoute('acme');
      return context.active();
    });
    context.with(leaked, () => {
      const before = service.tracer.startSpan('before');
      expect(setRoute('globex')).toBe('conflict');
      service.inSpan('after', () => {});
      before.end();
      withRoute('globex', () => service.inSpan('scoped', () => {}));
    });
    expect(await arrived()).toEqual({ standard: [], acme: ['root', 'before'], globex: ['scoped'] });
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 1 });
  });

  it('makes nothing ambiguous while the local root is open', async () => {
    service.inSpan('root', () => {
      setRoute('acme');
      setRoute('globex');
      service.inSpan('child', () => {});
      withRoute('globex', () => {
        setRoute('acme');
        service.inSpan('scoped', () => {});
      });
    });
    expect(await arrived()).toEqual({ standard: [], acme: ['child', 'root'], globex: ['scoped'] });
  });

  it('drops a span whose parent and scope belong to different requests', async () => {
    const scope = withRoute('acme', () => context.active());
    service.inSpan('other', (other) => {
      setRoute('globex');
      const mixed = trace.setSpan(scope, other);
      const span = service.tracer.startSpan('mixed', {}, mixed);
      service.tracer.startSpan('below', {}, trace.setSpan(ROOT_CONTEXT, span)).end();
      span.end();
    });
    expect(await arrived()).toEqual({ standard: [], acme: [], globex: ['other'] });
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 2 });
  });
});

describe('withRoute', () => {
  it('routes what it starts and leaves the spans outside untouched', async () => {
    service.inSpan('batch', () => {
      withRoute('acme', () => service.inSpan('message 1', () => service.inSpan('work', () => {})));
      withRoute('globex', () => service.inSpan('message 2', () => {}));
      service.inSpan('commit', () => {});
    });
    expect(await arrived()).toEqual({
      standard: ['commit', 'batch'],
      acme: ['work', 'message 1'],
      globex: ['message 2'],
    });
  });

  it('holds across awaits and timers', async () => {
    await Promise.all(
      ['acme', 'globex'].map((key) =>
        withRoute(key, async () => {
          await new Promise((resolve) => setTimeout(resolve, 1));
          await service.inSpan(key, async () => {
            await null;
            expect(getRoute()).toBe(key);
          });
        }),
      ),
    );
    expect(await arrived()).toEqual({ standard: [], acme: ['acme'], globex: ['globex'] });
  });

  it('sends the spans of a fan-out to every backend of the route', async () => {
    withRoute('both', () => service.inSpan('twice', () => {}));
    expect(await arrived()).toEqual({ standard: [], acme: ['twice'], globex: ['twice'] });
    expect(service.processor.stats()).toMatchObject({ routed: 1, targets: 2 });
  });

  it('nests: the innermost scope counts', async () => {
    withRoute('acme', () =>
      service.inSpan('outer', () =>
        withRoute('globex', () => {
          expect(getRoute()).toBe('globex');
          service.inSpan('inner', () => {});
        }),
      ),
    );
    expect(await arrived()).toEqual({ standard: [], acme: ['outer'], globex: ['inner'] });
  });

  it('lets a parent that lies inside the scope count', async () => {
    const outer = withRoute('acme', () => context.active());
    const nested = context.with(outer, () =>
      withRoute('globex', () => service.tracer.startSpan('nested')),
    );
    service.tracer.startSpan('below', {}, trace.setSpan(outer, nested)).end();
    nested.end();
    expect(await arrived()).toEqual({
      standard: [],
      acme: [],
      globex: ['below', 'nested'],
    });
  });

  it('passes on what its function returns and throws', () => {
    expect(withRoute('acme', () => 42)).toBe(42);
    const error = new Error('of the application');
    expect(() =>
      withRoute('acme', () => {
        throw error;
      }),
    ).toThrow(error);
  });

  it('makes a span ambiguous whose scope lies more than 64 scopes inside its parent', async () => {
    service.inSpan('root', (root) => {
      setRoute('acme');
      const nest = (depth: number): void => {
        if (depth > 0) withRoute('globex', () => nest(depth - 1));
        else service.tracer.startSpan('deep', {}, trace.setSpan(context.active(), root)).end();
      };
      nest(200);
    });
    expect(await arrived()).toEqual({ standard: [], acme: ['root'], globex: [] });
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 1 });
  });
});

describe('withBoundary', () => {
  it('holds its decision open until its promise completes, also when the root span ends first', async () => {
    const lookup = deferred();
    const request = withBoundary(async () => {
      const server = service.tracer.startSpan('server');
      await context.with(trace.setSpan(context.active(), server), async () => {
        service.inSpan('query', () => {});
        server.end();
        await lookup.promise;
        setRoute('acme');
      });
    });
    expect(service.processor.stats()).toMatchObject({ parked: 2, decisions: { settled: 0 } });
    lookup.resolve();
    await request;
    expect(await arrived()).toEqual({ standard: [], acme: ['query', 'server'], globex: [] });
  });

  it('shares the open decision of the active span', async () => {
    const lookup = deferred();
    const server = service.tracer.startSpan('server');
    const request = context.with(trace.setSpan(ROOT_CONTEXT, server), () =>
      withBoundary(async () => {
        await lookup.promise;
        setRoute('acme');
      }),
    );
    server.end();
    lookup.resolve();
    await request;
    expect(await arrived()).toMatchObject({ acme: ['server'], standard: [] });
  });

  it('settles when it completes without a key', async () => {
    const done = deferred();
    const request = withBoundary(() => {
      service.inSpan('work', () => {});
      return done.promise;
    });
    expect(service.processor.stats().parked).toBe(1);
    done.resolve();
    await request;
    expect(service.processor.stats().parked).toBe(0);
    expect(await arrived()).toMatchObject({ standard: ['work'] });
  });

  it('releases its hold when its function throws or rejects', async () => {
    const error = new Error('of the application');
    expect(() =>
      withBoundary(() => {
        service.inSpan('first', () => {});
        throw error;
      }),
    ).toThrow(error);
    const rejected = withBoundary(() => {
      service.inSpan('second', () => {});
      return Promise.reject(error);
    });
    await expect(rejected).rejects.toBe(error);
    expect(await arrived()).toMatchObject({ standard: ['first', 'second'] });
  });

  it('does not run a lazy query by looking at it', () => {
    let runs = 0;
    // biome-ignore lint/suspicious/noThenProperty: what query builders are
    const query = { then: () => (runs += 1) };
    expect(withBoundary(() => query)).toBe(query);
    expect(runs).toBe(0);
  });

  it('returns the very promise of a client that extends Promise', () => {
    class ApiPromise<T> extends Promise<T> {
      withResponse(): string {
        return 'response';
      }
    }
    const promise = ApiPromise.resolve(1) as ApiPromise<number>;
    expect(withBoundary(() => promise)).toBe(promise);
  });

  it('opens a decision of its own inside a decided one', async () => {
    service.inSpan('root', () => {
      setRoute('acme');
      withBoundary(() => {
        expect(getRoute()).toBeUndefined();
        expect(setRoute('globex')).toBe('decided');
        service.inSpan('message', () => {});
      });
    });
    expect(await arrived()).toEqual({ standard: [], acme: ['root'], globex: ['message'] });
  });

  it('drops the spans of an unkeyed boundary inside a keyed request as ambiguous', async () => {
    withRoute('acme', () => withBoundary(() => service.inSpan('whose', () => {})));
    expect(await arrived()).toEqual({ standard: [], acme: [], globex: [] });
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 1 });
  });
});

describe('the binding', () => {
  it('is found through a parent that trace.setSpanContext has re-wrapped', async () => {
    service.inSpan('root', (root) => {
      setRoute('acme');
      const rewrapped = trace.setSpanContext(ROOT_CONTEXT, root.spanContext());
      service.tracer.startSpan('child', {}, rewrapped).end();
    });
    expect(await arrived()).toEqual({ standard: [], acme: ['child', 'root'], globex: [] });
  });

  it('is found through a local parent that was rebuilt from its ids', async () => {
    service.inSpan('root', (root) => {
      const { traceId, spanId, traceFlags } = root.spanContext();
      const rebuilt = trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags });
      context.with(rebuilt, () => expect(setRoute('acme')).toBe('decided'));
      service.tracer.startSpan('child', {}, rebuilt).end();
    });
    expect(await arrived()).toEqual({ standard: [], acme: ['child', 'root'], globex: [] });
  });

  it('is ambiguous for rebuilt ids when several decisions of the trace are live', async () => {
    service.inSpan('root', (root) => {
      setRoute('acme');
      withRoute('globex', () =>
        service.inSpan('scoped', () => {
          const { traceId, spanId, traceFlags } = root.spanContext();
          const rebuilt = trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags });
          service.tracer.startSpan('whose', {}, rebuilt).end();
        }),
      );
    });
    expect(await arrived()).toEqual({ standard: [], acme: ['root'], globex: ['scoped'] });
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 1 });
  });

  it('opens a local trace for rebuilt ids when nothing of the trace is live', async () => {
    const rebuilt = trace.setSpanContext(ROOT_CONTEXT, { ...REMOTE, isRemote: false });
    service.tracer.startSpan('child', {}, rebuilt).end();
    expect(await arrived()).toMatchObject({ standard: ['child'] });
  });

  it('is ambiguous for rebuilt ids that are not found while more traces are open than can be looked up', async () => {
    const rebuilt = trace.setSpanContext(ROOT_CONTEXT, { ...REMOTE, isRemote: false });
    const open = Array.from({ length: 65_537 }, () =>
      service.tracer.startSpan('open', { root: true }),
    );
    service.tracer.startSpan('whose', {}, rebuilt).end();
    expect(service.processor.stats().dropped).toEqual({ ambiguous: 1 });
    for (const span of open) span.end();
    service.tracer.startSpan('child', {}, rebuilt).end();
    expect(service.processor.stats()).toMatchObject({ ended: 65_539, dropped: { ambiguous: 1 } });
  });

  it('gives a child of an unrecorded parent its scope', async () => {
    await service.stop();
    service = startService(config(), { sampler: new AlwaysOnSampler() });
    const unsampled = trace.setSpanContext(ROOT_CONTEXT, {
      ...REMOTE,
      isRemote: false,
      traceFlags: TraceFlags.NONE,
    });
    context.with(unsampled, () => withRoute('acme', () => service.tracer.startSpan('child').end()));
    expect(await arrived()).toMatchObject({ acme: ['child'] });
  });
});

describe('the debug log', () => {
  it('says where and to what decisions were made', () => {
    const lines: unknown[] = [];
    const quiet = () => {};
    const debug = (event: string, ...details: unknown[]) => lines.push([event, ...details]);
    diag.setLogger(
      { error: quiet, warn: quiet, info: quiet, debug, verbose: quiet },
      { logLevel: DiagLogLevel.DEBUG, suppressOverrideMessage: true },
    );
    try {
      service.inSpan('request', () => {
        setRoute('both');
        setRoute('acme');
        withRoute('initech', () => {});
      });
      service.inSpan('unkeyed', () => {});
    } finally {
      diag.disable();
    }
    const traceId = expect.stringMatching(/^[0-9a-f]{32}$/);
    const ours = lines.filter((line) => String(line).startsWith('signalbox: '));
    expect(ours).toEqual([
      ['signalbox: decided', { key: 'both', by: 'boundary', leadsTo: ['acme', 'globex'], traceId }],
      [
        'signalbox: conflict',
        { key: 'both', by: 'boundary', leadsTo: ['acme', 'globex'], traceId },
      ],
      [
        'signalbox: unknown',
        { key: 'initech', by: 'withRoute', leadsTo: 'unknown_route', traceId: undefined },
      ],
      ['signalbox: settled', { key: undefined, by: 'default', leadsTo: ['standard'], traceId }],
    ]);
  });
});

describe('with no request in force', () => {
  it('setRoute changes nothing and is counted', () => {
    expect(setRoute('acme')).toBe('no_request');
    expect(getRoute()).toBeUndefined();
    expect(service.processor.stats().decisions.noRequest).toBe(1);
  });
});

describe('sampling', () => {
  it('neither exports nor counts unsampled spans', async () => {
    await service.stop();
    service = startService(config(), { sampler: new AlwaysOffSampler() });
    service.inSpan('root', () => setRoute('acme'));
    expect(service.processor.stats()).toMatchObject({ ended: 0, routed: 0 });
  });

  it('lets a recorded but unsampled root keep the decision open for its children', async () => {
    await service.stop();
    service = startService(config(), {
      sampler: {
        shouldSample: (_context, _traceId, name) => ({
          decision: name === 'root' ? SamplingDecision.RECORD : SamplingDecision.RECORD_AND_SAMPLED,
        }),
        toString: () => 'record the root, sample the rest',
      },
    });
    service.inSpan('root', () => {
      service.inSpan('child', () => {});
      setRoute('acme');
    });
    expect(await arrived()).toEqual({ standard: [], acme: ['child'], globex: [] });
    expect(service.processor.stats().ended).toBe(1);
  });
});

describe('without a default route', () => {
  it('drops the spans of an unkeyed request as no_route', async () => {
    const { defaultRoute, ...rest } = config();
    await service.stop();
    service = startService(rest);
    service.inSpan('root', () => service.inSpan('child', () => {}));
    expect(await arrived()).toEqual({ standard: [], acme: [], globex: [] });
    expect(service.processor.stats()).toMatchObject({ ended: 2, dropped: { no_route: 2 } });
  });
});

describe('after shutdown', () => {
  it('drops what ends as already_shutdown, and nothing throws', async () => {
    const open = service.tracer.startSpan('open');
    await service.processor.shutdown();
    open.end();
    service.inSpan('root', () => setRoute('acme'));
    expect(service.processor.stats()).toMatchObject({ ended: 2, dropped: { already_shutdown: 2 } });
    await service.processor.forceFlush();
    await service.processor.shutdown();
  });
});
