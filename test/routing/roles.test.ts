import { AlwaysOnSampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { type SignalboxConfig, withRoute } from '../../src/index.js';
import type { ReceiverOptions } from '../../src/receiver/receiver.js';
import { eventually } from '../helpers/eventually.js';
import { expectLaws } from '../helpers/laws.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { recordingExporter, type Service, startService } from '../helpers/service.js';

const running: Service[] = [];

afterEach(async () => {
  for (const service of running.splice(0)) {
    await service.stop();
    expectLaws(service.processor.stats());
  }
});

function start(config: SignalboxConfig, ...rest: [] | [Parameters<typeof startService>[1]]) {
  const service = startService(config, ...rest);
  running.push(service);
  return service;
}

async function receiver(options: Partial<ReceiverOptions> = {}): Promise<TestReceiver> {
  const started = await startReceiver(options);
  onTestFinished(() => started.stop());
  return started;
}

/** Ends so many traces of two spans under a key. */
function traffic(service: Service, key: string, traces: number): void {
  for (let trace = 0; trace < traces; trace += 1) {
    withRoute(key, () => service.inSpan('root', () => service.inSpan('child', () => {})));
  }
}

function traceIdsOf(target: TestReceiver, backend: string): Set<string> {
  return new Set(target.spans(backend).map(({ traceId }) => traceId));
}

describe('a shadow', () => {
  it('gets copies, and its spans are counted by key beside those of the other side', async () => {
    const target = await receiver();
    const service = start({
      backends: {
        old: { endpoint: `${target.url}/old` },
        new: { endpoint: `${target.url}/new` },
      },
      routes: { acme: ['old', { backend: 'new', role: 'shadow' }], globex: ['old'] },
    });
    traffic(service, 'acme', 10);
    traffic(service, 'globex', 5);
    await service.processor.forceFlush();
    await target.waitForSpans(20, 'new');
    expect(target.spans('old')).toHaveLength(30);
    await eventually(() => service.processor.stats().routes.acme?.new?.delivered === 20);
    const counts = { accepted: 20, delivered: 20, dropped: 0, movedIn: 0, movedOut: 0 };
    expect(service.processor.stats().routes).toEqual({ acme: { old: counts, new: counts } });
  });

  it('that hangs delays no flush, and no shutdown beyond its timeout', async () => {
    const target = await receiver({
      answer: (request) => (request.backend === 'new' ? new Promise(() => {}) : undefined),
    });
    const service = start({
      backends: {
        old: { endpoint: `${target.url}/old` },
        new: { endpoint: `${target.url}/new`, scheduleDelayMs: 1 },
      },
      routes: { acme: ['old', { backend: 'new', role: 'shadow' }] },
      shutdownTimeoutMs: 500,
    });
    traffic(service, 'acme', 10);
    // It rejects where it had to give up.
    await service.processor.forceFlush({ timeoutMillis: 5_000 });
    expect(service.processor.stats().backends.old).toMatchObject({ delivered: 20, queued: 0 });
    await service.stop();
    expect(service.processor.stats().routes.acme).toMatchObject({
      old: { accepted: 20, delivered: 20, dropped: 0 },
      new: { accepted: 20, delivered: 0, dropped: 20 },
    });
  });

  it('gives all of its memory to others that need it, what is on the wire included', async () => {
    const target = await receiver({ answer: () => new Promise(() => {}) });
    const service = start({
      backends: {
        old: { endpoint: `${target.url}/old` },
        new: { endpoint: `${target.url}/new`, scheduleDelayMs: 1, maxExportBatchSize: 50 },
        quiet: { endpoint: `${target.url}/quiet` },
      },
      routes: { shadowed: ['quiet', { backend: 'new', role: 'shadow' }], acme: ['old'] },
      maxBufferedBytes: 200_000,
      shutdownTimeoutMs: 100,
    });
    traffic(service, 'shadowed', 200);
    await eventually(() => Number(service.processor.stats().backends.new?.inFlight) > 0);
    const { accepted } = service.processor.stats().backends.quiet ?? { accepted: 0 };
    traffic(service, 'acme', 150);
    const { backends } = service.processor.stats();
    // Each of the two holds less than half of the budget, which is theirs.
    expect(backends.old?.dropped).toEqual({});
    expect(backends.quiet).toMatchObject({ accepted, dropped: {} });
    expect(backends.new?.dropped.buffer_full).toBeGreaterThan(0);
  });

  it('is another queue than that of the backend where it is none', async () => {
    const target = await receiver();
    const service = start({
      backends: {
        one: { endpoint: `${target.url}/one` },
        other: { endpoint: `${target.url}/other` },
      },
      routes: { acme: ['one', { backend: 'other', role: 'shadow' }], globex: ['other'] },
    });
    traffic(service, 'acme', 3);
    traffic(service, 'globex', 4);
    await service.processor.forceFlush();
    await target.waitForSpans(14, 'other');
    await eventually(() => service.processor.stats().backends.other?.delivered === 14);
    expect(target.requests.filter(({ backend }) => backend === 'other')).toHaveLength(2);
  });

  it('may be an exporter that was made elsewhere, which then has no other role', async () => {
    const target = await receiver();
    const exporter = recordingExporter();
    const service = start({
      backends: { old: { endpoint: `${target.url}/old` }, new: { exporter } },
      routes: { acme: ['old', { backend: 'new', role: 'shadow' }] },
    });
    traffic(service, 'acme', 2);
    await service.processor.forceFlush();
    await eventually(() => exporter.spans.length === 4);
  });

  it('becomes what gets all spans by an update, with nothing lost', async () => {
    const target = await receiver();
    const backends = {
      old: { endpoint: `${target.url}/old` },
      new: { endpoint: `${target.url}/new` },
    };
    const service = start({
      backends,
      routes: { acme: ['old', { backend: 'new', role: 'shadow' }] },
    });
    traffic(service, 'acme', 5);
    service.processor.update({ backends, routes: { acme: ['new'] } });
    traffic(service, 'acme', 7);
    await service.processor.forceFlush();
    await target.waitForSpans(24, 'new');
    expect(target.spans('old')).toHaveLength(10);
  });
});

describe('a share', () => {
  const shares = (url: string): SignalboxConfig => ({
    backends: { old: { endpoint: `${url}/old` }, new: { endpoint: `${url}/new` } },
    routes: {
      acme: [
        { backend: 'old', share: '70%' },
        { backend: 'new', share: '30%' },
      ],
    },
  });

  it('is of whole traces, the same in every service', async () => {
    const target = await receiver();
    const service = start(shares(target.url));
    traffic(service, 'acme', 1_000);
    await service.processor.forceFlush();
    expect(target.spans()).toHaveLength(2_000);
    const [old, fresh] = [traceIdsOf(target, 'old'), traceIdsOf(target, 'new')];
    expect(old.size + fresh.size).toBe(1_000);
    expect([...old].filter((id) => fresh.has(id))).toEqual([]);
    // Six deviations of a binomial distribution.
    expect(Math.abs(fresh.size - 300)).toBeLessThan(6 * Math.sqrt(1_000 * 0.3 * 0.7));

    const later = await receiver();
    const another = start(shares(later.url), {
      idGenerator: replay([...old, ...fresh]),
    });
    traffic(another, 'acme', 1_000);
    await another.processor.forceFlush();
    expect(traceIdsOf(later, 'old')).toEqual(old);
    expect(traceIdsOf(later, 'new')).toEqual(fresh);
  });

  it.each([
    ['all', new AlwaysOnSampler()],
    ['a fifth', new TraceIdRatioBasedSampler(0.2)],
  ])('is the same part of what a ratio sampler takes: %s', async (_, sampler) => {
    const target = await receiver();
    const service = start(shares(target.url), { sampler });
    traffic(service, 'acme', 5_000);
    await service.processor.forceFlush();
    const [old, fresh] = [traceIdsOf(target, 'old').size, traceIdsOf(target, 'new').size];
    const sampled = old + fresh;
    expect(sampled).toBeGreaterThan(800);
    expect(Math.abs(fresh - sampled * 0.3)).toBeLessThan(6 * Math.sqrt(sampled * 0.3 * 0.7));
  });
});

/** Gives these trace ids, one after the other. */
function replay(traceIds: readonly string[]) {
  let traces = 0;
  let spans = 0;
  return {
    generateTraceId: () => traceIds[traces++] ?? '',
    generateSpanId() {
      spans += 1;
      return spans.toString(16).padStart(16, '0');
    },
  };
}

describe('a parent of a route', () => {
  const braintrust = (url: string) =>
    ({
      preset: 'braintrust',
      endpoint: `${url}/bt`,
      apiKey: 'key',
      parent: 'project_name:own',
    }) as const;

  function spansByParent(target: TestReceiver): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { headers, spans } of target.requests) {
      const parent = String(headers['x-bt-parent']);
      counts[parent] = (counts[parent] ?? 0) + spans.length;
    }
    return counts;
  }

  it('stands in the head of requests that carry its spans alone', async () => {
    const target = await receiver();
    const service = start({
      backends: { bt: braintrust(target.url) },
      routes: { acme: ['bt'], globex: ['bt'], initech: ['bt'] },
      routeParents: { acme: 'project_name:acme', globex: 'project_name:globex' },
    });
    for (let round = 0; round < 10; round += 1) {
      traffic(service, 'acme', 1);
      traffic(service, 'initech', 2);
      traffic(service, 'globex', 3);
    }
    await service.processor.forceFlush();
    expect(spansByParent(target)).toEqual({
      'project_name:acme': 20,
      'project_name:globex': 60,
      'project_name:own': 40,
    });
    for (const { headers, spans } of target.requests) {
      const keys = new Set(
        spans.flatMap(({ attributes }) =>
          attributes.flatMap(({ key, value }) =>
            key === 'signalbox.route' ? String(value.value) : [],
          ),
        ),
      );
      expect(keys.size).toBe(1);
      expect(headers['x-bt-parent']).toBe(
        { acme: 'project_name:acme', globex: 'project_name:globex' }[String([...keys][0])] ??
          'project_name:own',
      );
    }
  });

  it('is overridden by nothing that the application sets', async () => {
    const target = await receiver();
    const service = start({
      backends: { bt: braintrust(target.url) },
      routes: { acme: ['bt'] },
      routeParents: { acme: 'project_name:acme' },
    });
    withRoute('acme', () =>
      service.inSpan('root', (span) => span.setAttribute('braintrust.parent', 'project_name:evil')),
    );
    await service.processor.forceFlush();
    expect(spansByParent(target)).toEqual({ 'project_name:acme': 1 });
    const names = target.spans().flatMap(({ attributes }) => attributes.map(({ key }) => key));
    expect(names).not.toContain('braintrust.parent');
  });

  it('that the backend forbids holds up its own spans alone', async () => {
    const target = await receiver({
      answer: ({ headers }) =>
        headers['x-bt-parent'] === 'project_name:acme' ? { status: 403 } : undefined,
    });
    const service = start({
      backends: { bt: { ...braintrust(target.url), maxConcurrentExports: 1 } },
      routes: { acme: ['bt'], globex: ['bt'] },
      routeParents: { acme: 'project_name:acme', globex: 'project_name:globex' },
    });
    traffic(service, 'acme', 5);
    traffic(service, 'globex', 5);
    await service.processor.forceFlush();
    expect(service.processor.stats().backends.bt).toMatchObject({
      delivered: 10,
      dropped: { refused: 10 },
    });
  });

  it('changes nothing at backends that have no parents', async () => {
    const target = await receiver();
    const service = start({
      backends: { bt: braintrust(target.url), other: { endpoint: `${target.url}/other` } },
      routes: { acme: ['bt', 'other'], globex: ['other'] },
      routeParents: { acme: 'project_name:acme' },
    });
    traffic(service, 'acme', 2);
    traffic(service, 'globex', 2);
    await service.processor.forceFlush();
    const others = target.requests.filter(({ backend }) => backend === 'other');
    expect(others).toHaveLength(1);
    expect(others[0]?.headers).not.toHaveProperty('x-bt-parent');
  });
});
