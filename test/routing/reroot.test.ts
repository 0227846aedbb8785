import { context, ROOT_CONTEXT, type Span, TraceFlags, trace } from '@opentelemetry/api';
import { TraceState } from '@opentelemetry/core';
import type { Sampler } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Exporter } from '../../src/exporter/exporter.js';
import {
  type BackendConfig,
  type ReadableSpan,
  type SignalboxConfig,
  setRoute,
  withBoundary,
  withRoute,
} from '../../src/index.js';
import type { ReceivedSpan } from '../../src/receiver/received.js';
import { bindingOf } from '../../src/routing/binding.js';
import { createFindOrphan } from '../../src/routing/reroot.js';
import { createBackend } from '../helpers/backend.js';
import { expectLaws } from '../helpers/laws.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { recordingExporter, type Service, startService } from '../helpers/service.js';

const CONTEXT_HAS_IS_REMOTE = 0x100;
const running: Service[] = [];

afterEach(async () => {
  for (const service of running.splice(0)) {
    await service.stop();
    expectLaws(service.processor.stats());
  }
});

function start(config: SignalboxConfig, tracing?: Parameters<typeof startService>[1]): Service {
  const service = startService(config, tracing);
  running.push(service);
  return service;
}

async function receiver(): Promise<TestReceiver> {
  const started = await startReceiver();
  onTestFinished(() => started.stop());
  return started;
}

/** Backends that record what they get: `whole` and `other` reroot, `plain` does not. */
function recording(config: Partial<SignalboxConfig> = {}, tracing?: Parameters<typeof start>[1]) {
  const [whole, other, plain] = [recordingExporter(), recordingExporter(), recordingExporter()];
  const service = start(
    {
      backends: {
        whole: { exporter: whole, reroot: true },
        other: { exporter: other, reroot: true },
        plain: { exporter: plain },
      },
      routes: {
        whole: ['whole'],
        other: ['other'],
        plain: ['plain'],
        all: ['whole', 'other', 'plain'],
      },
      ...config,
    },
    tracing,
  );
  return { service, whole, other, plain };
}

const idsOf = (span: Span | ReadableSpan | undefined) => {
  const { traceId, spanId } = span?.spanContext() ?? {};
  return { traceId, spanId };
};
const linksOf = (span: ReadableSpan | undefined) =>
  span?.links.map(({ context: { traceId, spanId } }) => ({ traceId, spanId }));

describe.each<Pick<BackendConfig, 'protocol' | 'exporter'>>([
  { protocol: 'http/protobuf' },
  { protocol: 'http/json' },
  { exporter: 'otlp-http' },
])('with %o', (wire) => {
  const named = (spans: ReceivedSpan[], name: string) => spans.find((each) => each.name === name);

  it.each(['small', 'large'])(
    'makes a root of a %s span whose parent another backend has',
    async (size) => {
      const { url, spans } = await receiver();
      const at = (name: string) => ({ endpoint: `${url}/${name}`, ...wire });
      const service = start({
        backends: {
          whole: { ...at('whole'), reroot: true },
          plain: at('plain'),
          outer: { ...at('outer'), reroot: true },
        },
        routes: { inner: ['whole', 'plain'], outer: ['outer'] },
      });
      let parent: Span | undefined;
      withRoute('outer', () =>
        service.inSpan('request', (span) => {
          parent = span;
          withRoute('inner', () =>
            service.inSpan('message', (child) => {
              // Past what is encoded as the span ends.
              if (size === 'large') child.setAttribute('padding', 'p'.repeat(70_000));
              service.inSpan('query', () => {});
            }),
          );
        }),
      );
      await service.processor.forceFlush();
      const { traceId, spanId } = idsOf(parent);

      const message = named(spans('whole'), 'message');
      expect(message).toMatchObject({ traceId, parentSpanId: '', droppedLinksCount: 0 });
      expect(message?.flags).toBe(CONTEXT_HAS_IS_REMOTE | TraceFlags.SAMPLED);
      expect(message?.links).toMatchObject([
        { traceId, spanId, attributes: [], flags: CONTEXT_HAS_IS_REMOTE | TraceFlags.SAMPLED },
      ]);
      const query = named(spans('whole'), 'query');
      expect(query).toMatchObject({ parentSpanId: message?.spanId, links: [] });
      expect(named(spans('plain'), 'message')).toMatchObject({ parentSpanId: spanId, links: [] });
      expect(named(spans('outer'), 'request')).toMatchObject({ parentSpanId: '', links: [] });
    },
  );

  it('leaves a remote parent in its place', async () => {
    const { url, spans } = await receiver();
    const service = start({
      backends: { whole: { endpoint: `${url}/whole`, ...wire, reroot: true } },
      defaultRoute: 'whole',
    });
    const remote = {
      traceId: '1'.repeat(32),
      spanId: '2'.repeat(16),
      traceFlags: TraceFlags.SAMPLED,
      isRemote: true,
    };
    context.with(trace.setSpanContext(ROOT_CONTEXT, remote), () =>
      withRoute('whole', () => service.inSpan('request', () => {})),
    );
    await service.processor.forceFlush();
    expect(spans('whole')).toMatchObject([{ parentSpanId: remote.spanId, links: [] }]);
  });
});

describe('a parent', () => {
  it('stays where it comes to the same backend, and to that one alone', async () => {
    const { service, whole, other, plain } = recording();
    withRoute('whole', () =>
      service.inSpan('request', () => withRoute('all', () => service.inSpan('message', () => {}))),
    );
    await service.processor.forceFlush();
    const request = idsOf(whole.spans.find(({ name }) => name === 'request'));
    expect(whole.spans[0]).toMatchObject({ name: 'message', links: [] });
    expect(whole.spans[0]?.parentSpanContext?.spanId).toBe(request.spanId);
    expect(other.spans[0]?.parentSpanContext).toBeUndefined();
    expect(linksOf(other.spans[0])).toEqual([request]);
    expect(plain.spans[0]?.parentSpanContext?.spanId).toBe(request.spanId);
  });

  it('is unknown while its decision is open, whatever that comes to', async () => {
    const { service, whole } = recording();
    withBoundary(() => {
      service.inSpan('request', () =>
        withRoute('whole', () => service.inSpan('message', () => {})),
      );
      expect(service.processor.stats().parked).toBe(1);
      setRoute('whole');
    });
    await service.processor.forceFlush();
    expect(whole.names()).toEqual(['message', 'request']);
    expect(whole.spans[0]?.parentSpanContext).toBeUndefined();
    expect(linksOf(whole.spans[0])).toEqual([idsOf(whole.spans[1])]);
  });

  it('is known where its decision is made while the child is parked', async () => {
    const { service, whole } = recording();
    withBoundary(() =>
      service.inSpan('request', () => {
        const outer = context.active();
        // Shares the request's decision, so that the next one is of its own.
        withBoundary(() => {});
        withBoundary(() => {
          service.inSpan('message', () => {});
          expect(service.processor.stats().parked).toBe(1);
          context.with(outer, () => setRoute('whole'));
          setRoute('whole');
        });
      }),
    );
    await service.processor.forceFlush();
    expect(whole.names()).toEqual(['message', 'request']);
    expect(whole.spans[0]?.parentSpanContext).toMatchObject(idsOf(whole.spans[1]));
  });

  it('counts where it was settled to the default route', async () => {
    const { service, whole, other } = recording({ defaultRoute: 'whole' });
    let child: Span | undefined;
    service.inSpan('request', () => {
      withRoute('all', () => {
        child = service.tracer.startSpan('message');
      });
    });
    child?.end();
    await service.processor.forceFlush();
    expect(whole.names()).toEqual(['request', 'message']);
    expect(whole.spans[1]?.parentSpanContext).toMatchObject(idsOf(whole.spans[0]));
    expect(other.spans[0]?.parentSpanContext).toBeUndefined();
  });

  it('is unknown where it may get, or has got, a late key', async () => {
    const { service, whole, other } = recording({ defaultRoute: 'whole', parkMaxSpans: 0 });
    const nested = (name: string) => withRoute('whole', () => service.inSpan(name, () => {}));
    service.inSpan('request', () => {
      service.inSpan('query', () => {});
      nested('before');
      expect(setRoute('other')).toBe('decided');
      nested('after');
    });
    await service.processor.forceFlush();
    expect(service.processor.stats().decisions.late).toBe(1);
    expect(whole.names()).toEqual(['query', 'before', 'after']);
    expect(other.names()).toEqual(['request']);
    for (const span of whole.spans.slice(1)) {
      expect(span.parentSpanContext).toBeUndefined();
      expect(linksOf(span)).toEqual([idsOf(other.spans[0])]);
    }
  });

  it.each([
    ['a key that no route knows', () => setRoute('nobody')],
    ['no key, and no default route', () => {}],
  ])('that is dropped for %s leaves roots', async (_, decideRequest) => {
    const { service, whole } = recording();
    let child: Span | undefined;
    const parent = service.inSpan('request', (span) => {
      decideRequest();
      withRoute('whole', () => {
        child = service.tracer.startSpan('message');
      });
      return span;
    });
    child?.end();
    await service.processor.forceFlush();
    expect(whole.names()).toEqual(['message']);
    expect(whole.spans[0]?.parentSpanContext).toBeUndefined();
    expect(linksOf(whole.spans[0])).toEqual([idsOf(parent)]);
  });

  it.each([
    ['recorded and not sampled', 1],
    ['not recorded', 0],
  ])('that is %s leaves roots, under one key too', async (_, decision) => {
    const sampler: Sampler = {
      shouldSample: (_context, _traceId, name) => ({ decision: name === 'request' ? decision : 2 }),
      toString: () => 'by name',
    };
    const { service, whole, plain } = recording({}, { sampler });
    let parent: Span | undefined;
    for (const key of ['whole', 'plain']) {
      withRoute(key, () =>
        service.inSpan('request', (span) => {
          parent ??= span;
          service.inSpan('query', () => {});
        }),
      );
    }
    await service.processor.forceFlush();
    expect(whole.spans[0]?.parentSpanContext).toBeUndefined();
    expect(linksOf(whole.spans[0])).toEqual([idsOf(parent)]);
    expect(plain.spans[0]?.parentSpanContext).toBeDefined();
  });

  it('that is rebuilt from its ids stays where it is certainly there', async () => {
    const { service, whole } = recording();
    const rebuilt = (span: Span, fn: () => void) => {
      const { traceId, spanId, traceFlags } = span.spanContext();
      const parent = { traceId, spanId, traceFlags };
      context.with(trace.setSpanContext(context.active(), parent), fn);
    };
    withRoute('whole', () =>
      service.inSpan('request', (request) => {
        rebuilt(request, () => service.inSpan('of the root', () => {}));
        service.inSpan('query', (query) =>
          rebuilt(query, () => service.inSpan('of another', () => {})),
        );
      }),
    );
    await service.processor.forceFlush();
    const named = (name: string) => whole.spans.find((span) => span.name === name);
    expect(named('of the root')?.parentSpanContext).toMatchObject(idsOf(named('request')));
    expect(named('of another')?.parentSpanContext).toBeUndefined();
    expect(linksOf(named('of another'))).toEqual([idsOf(named('query'))]);
  });
});

describe('a span that becomes a root', () => {
  /** One span under `outer`, and in it another under `inner`. */
  function nest(
    service: Service,
    outer: string,
    inner: string,
    change: (span: Span) => void = () => {},
  ): void {
    withRoute(outer, () =>
      service.inSpan('request', () => withRoute(inner, () => service.inSpan('message', change))),
    );
  }

  it('keeps its own links, and what else it is', async () => {
    const { service, whole, plain } = recording();
    withRoute('plain', () =>
      service.inSpan('request', (parent) =>
        withRoute('all', () =>
          service.inSpan('message', (span) =>
            span
              .setAttribute('a', 1)
              .addEvent('event')
              .addLink({ context: parent.spanContext(), attributes: { kind: 'mine' } }),
          ),
        ),
      ),
    );
    await service.processor.forceFlush();
    const [rerooted, original] = [whole.spans[0], plain.spans[0]];
    expect(rerooted?.links).toHaveLength(2);
    expect(rerooted?.links[0]).toEqual(original?.links[0]);
    const { parentSpanContext: _, links: _links, spanContext, ...rest } = rerooted ?? {};
    expect(original).toMatchObject({ ...rest });
    expect(spanContext?.()).toBe(original?.spanContext());
    expect(original?.links).toHaveLength(1);
  });

  it('links to the trace state of its parent, and to nothing that stands on its context', async () => {
    const { service, whole } = recording();
    const traceState = new TraceState('vendor=1');
    const remote = {
      traceId: '1'.repeat(32),
      spanId: '2'.repeat(16),
      traceFlags: TraceFlags.SAMPLED,
      traceState,
      isRemote: true,
    };
    context.with(trace.setSpanContext(ROOT_CONTEXT, remote), () => nest(service, 'plain', 'whole'));
    await service.processor.forceFlush();
    const linked = whole.spans[0]?.links[0]?.context;
    expect(linked?.traceState?.serialize()).toBe('vendor=1');
    expect(Object.getOwnPropertySymbols(linked ?? {})).toEqual([]);
  });

  it('is encoded once for all backends that have it so, and once for the others', async () => {
    const { url, requests } = await receiver();
    const at = (name: string) => ({ endpoint: `${url}/${name}` });
    const service = start({
      backends: {
        a: { ...at('a'), reroot: true },
        b: { ...at('b'), reroot: true },
        c: at('c'),
        d: at('d'),
        outer: at('outer'),
      },
      routes: { inner: ['a', 'c', 'b', 'd'], outer: ['outer'] },
    });
    let reads = 0;
    nest(service, 'outer', 'inner', (span) => {
      Object.defineProperty((span as unknown as ReadableSpan).attributes, 'counted', {
        enumerable: true,
        get() {
          reads += 1;
          return 'x';
        },
      });
    });
    expect(reads).toBe(2);
    await service.processor.forceFlush();
    const bodyOf = (name: string) => requests.find(({ backend }) => backend === name)?.body;
    expect(bodyOf('a')).toEqual(bodyOf('b'));
    expect(bodyOf('c')).toEqual(bodyOf('d'));
    expect(bodyOf('a')).not.toEqual(bodyOf('c'));
  });

  it('is shown to a view as it would leave, once, and passes a filter as before', async () => {
    const seen: ReadableSpan[] = [];
    const view = (span: ReadableSpan) => {
      seen.push(span);
      return { ...span, name: `seen ${span.name}` };
    };
    const exporters = [recordingExporter(), recordingExporter(), recordingExporter()];
    const [a, b, ai] = exporters;
    if (a === undefined || b === undefined || ai === undefined) throw new Error('no exporters');
    const service = start({
      backends: {
        a: { exporter: a, reroot: true, view },
        b: { exporter: b, reroot: true, view, dropAttributes: ['secret'] },
        ai: { exporter: ai, reroot: true, filter: 'ai' },
        outer: { exporter: recordingExporter() },
      },
      routes: { inner: ['a', 'b', 'ai'], outer: ['outer'] },
    });
    nest(service, 'outer', 'inner', (span) => span.setAttribute('secret', 1));
    await service.processor.forceFlush();
    expect(seen).toHaveLength(1);
    expect(seen[0]?.parentSpanContext).toBeUndefined();
    for (const { spans } of [a, b]) {
      expect(spans[0]).toMatchObject({ name: 'seen message', parentSpanContext: undefined });
      expect(spans[0]?.links).toHaveLength(1);
    }
    expect(b.spans[0]?.attributes).toEqual({ 'signalbox.route': 'inner' });
    expect(ai.spans).toEqual([]);
    expect(service.processor.stats().filtered).toBe(1);
  });

  it('goes to the backend of a lookup', async () => {
    const exporter = recordingExporter();
    const service = start({
      backends: { outer: { exporter: recordingExporter() } },
      routes: { outer: ['outer'] },
      resolveBackend: () => ({ exporter, reroot: true }),
    });
    nest(service, 'outer', 'tenant');
    await service.processor.forceFlush();
    expect(exporter.spans[0]?.parentSpanContext).toBeUndefined();
    expect(exporter.spans[0]?.links).toHaveLength(1);
  });

  it.each(['parentSpanContext', 'links'])(
    'is dropped and counted where its %s can not be read',
    async (field) => {
      const { url } = await receiver();
      const service = start({
        backends: {
          whole: { endpoint: `${url}/whole`, reroot: true },
          outer: { endpoint: `${url}/outer` },
        },
        routes: { whole: ['whole'], outer: ['outer'] },
      });
      nest(service, 'outer', 'whole', (span) => {
        Object.defineProperty(span, field, {
          get() {
            throw new Error('no');
          },
        });
      });
      const { routed, backends } = service.processor.stats();
      expect(routed).toBe(2);
      expect(backends.whole?.dropped).toEqual({ encode_error: 1 });
    },
  );
});

describe('where a link may not stand', () => {
  const exporters = ['linked', 'cut'].map((name) => ({ name }) as Exporter);
  const destination = {
    routeKey: 'inner',
    exporters,
    backends: ['linked', 'cut'],
    choose: undefined,
    lane: undefined,
    classes: [],
    rerooting: new Map(
      exporters.map((exporter) => [exporter, createBackend('', { name: exporter.name })]),
    ),
  };

  it('the root has none', async () => {
    const { service, plain } = recording();
    const parents = { exporters: undefined, reason: 'no_route' } as const;
    const findOrphan = createFindOrphan({
      whereabouts: () => parents,
      mayLink: ({ name }, from) => name === 'linked' && from === parents,
    });
    withRoute('whole', () =>
      service.inSpan('request', () =>
        withRoute('plain', () => service.inSpan('message', () => {})),
      ),
    );
    await service.processor.forceFlush();
    const [message] = plain.spans;
    if (message === undefined) throw new Error('no span');
    const orphan = findOrphan(message, destination, exporters, bindingOf(message.spanContext()));
    const [linked, cut] = exporters.map((exporter) => orphan?.at(exporter).span);
    expect(linksOf(linked)).toEqual([
      { traceId: message.spanContext().traceId, spanId: message.parentSpanContext?.spanId },
    ]);
    expect(linked?.parentSpanContext).toBeUndefined();
    expect(cut?.links).toEqual([]);
    expect(cut?.parentSpanContext).toBeUndefined();
  });
});
