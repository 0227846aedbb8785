import { context, createContextKey, type Span, trace } from '@opentelemetry/api';
import { isTracingSuppressed } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  type ReadableSpan,
  type SignalboxConfig,
  type SpanView,
  withRoute,
} from '../../src/index.js';
import { expectLaws } from '../helpers/laws.js';
import { plainAttributes, startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { recordingExporter, type Service, startService } from '../helpers/service.js';

const HASH_KEY = 'a key of thirty-two bytes or more';
const running: Service[] = [];

afterEach(async () => {
  for (const service of running.splice(0)) {
    await service.stop();
    expectLaws(service.processor.stats());
  }
});

function start(config: SignalboxConfig): Service {
  const service = startService(
    { ...config, parkMaxSpans: 0 },
    { resource: resourceFromAttributes({ 'service.name': 'shop', 'host.name': 'secret-host' }) },
  );
  running.push(service);
  return service;
}

async function receiver(): Promise<TestReceiver> {
  const started = await startReceiver();
  onTestFinished(() => started.stop());
  return started;
}

function endSpan({ inSpan }: Service, name: string, change: (span: Span) => void = () => {}): void {
  inSpan(name, change);
}

/** The names of attributes that a backend got, with those of the last span. */
function lastAttributes({ requests }: TestReceiver, backend: string): Record<string, unknown> {
  const spans = requests.filter((each) => each.backend === backend).flatMap(({ spans }) => spans);
  return plainAttributes(spans.at(-1)?.attributes ?? []);
}

const readable = (span: ReadableSpan, attributes: ReadableSpan['attributes']): ReadableSpan => ({
  ...span,
  attributes,
});

describe('FILTER=ai', () => {
  it('keeps other spans back, and counts them, at its own backend alone', async () => {
    const [ai, all] = [recordingExporter(), recordingExporter()];
    const service = start({
      backends: { ai: { exporter: ai, filter: 'ai' }, all: { exporter: all } },
      routes: { both: ['ai', 'all'], ai: ['ai'] },
      defaultRoute: 'both',
    });
    endSpan(service, 'GET /');
    endSpan(service, 'chat', (span) => span.setAttribute('gen_ai.system', 'x'));
    withRoute('ai', () => endSpan(service, 'SELECT'));
    await service.processor.forceFlush();
    expect(ai.names()).toEqual(['chat']);
    expect(all.names()).toEqual(['GET /', 'chat']);
    const { filtered, routed, targets, backends } = service.processor.stats();
    expect({ filtered, routed, targets }).toEqual({ filtered: 2, routed: 3, targets: 5 });
    expect([backends.ai?.accepted, backends.all?.accepted]).toEqual([1, 2]);
    expectLaws(service.processor.stats());
  });

  it('drops a span that can not be read as encode_error', () => {
    const service = start({
      backends: { ai: { exporter: recordingExporter(), filter: 'ai' } },
      defaultRoute: 'ai',
    });
    endSpan(service, 'hostile', (span) => {
      Object.defineProperty(span, 'attributes', {
        get() {
          throw new Error('no');
        },
      });
    });
    const { filtered, backends } = service.processor.stats();
    expect(filtered).toBe(0);
    expect(backends.ai?.dropped).toEqual({ encode_error: 1 });
  });

  it('holds for the backends of a template, and of a lookup', async () => {
    const exporter = recordingExporter();
    const service = start({
      backends: {},
      routes: {},
      resolveBackend: () => ({ exporter, filter: 'ai' }),
    });
    withRoute('acme', () => {
      endSpan(service, 'ai.chat');
      endSpan(service, 'other');
    });
    await service.processor.forceFlush();
    expect(exporter.names()).toEqual(['ai.chat']);
    expect(service.processor.stats().filtered).toBe(1);
  });
});

describe('a view of attributes', () => {
  it('is what the backend is sent, and what no other backend notices', async () => {
    const { url, requests, ...others } = await receiver();
    const service = start({
      backends: {
        plain: { endpoint: `${url}/plain` },
        viewed: {
          endpoint: `${url}/viewed`,
          dropAttributes: ['db.*', 'host.*'],
          hashAttributes: ['user.id'],
          hashKey: HASH_KEY,
          truncateAttributes: { prompt: 5 },
        },
      },
      routes: { both: ['viewed', 'plain'] },
      defaultRoute: 'both',
    });
    const attributes = { 'db.statement': 'SELECT secret', 'user.id': 'ann', prompt: 'Hello there' };
    endSpan(service, 'work', (span) => {
      span.setAttributes(attributes).addEvent('event', { 'db.row': 'secret-row' });
    });
    await service.processor.forceFlush();
    const all = { url, requests, ...others };
    expect(lastAttributes(all, 'plain')).toEqual({ ...attributes, 'signalbox.route': 'both' });
    expect(lastAttributes(all, 'viewed')).toEqual({
      'user.id': expect.stringMatching(/^[0-9a-f]{64}$/),
      prompt: 'Hello',
      'signalbox.route': 'both',
    });
    for (const { backend, body } of requests) {
      expect(Buffer.from(body).includes('secret'), backend).toBe(backend === 'plain');
    }
  });

  it('holds for a large span, whose encoding waits', async () => {
    const at = await receiver();
    const service = start({
      backends: {
        viewed: {
          endpoint: `${at.url}/viewed`,
          dropAttributes: ['secret'],
          truncateAttributes: { long: 9 },
        },
      },
      defaultRoute: 'viewed',
    });
    endSpan(service, 'large', (span) => {
      span.setAttributes({ secret: 'x'.repeat(200_000), long: 'y'.repeat(200_000) });
      span.setAttribute('kept', 'z'.repeat(100_000));
    });
    await service.processor.forceFlush();
    const { secret, long, kept } = lastAttributes(at, 'viewed');
    expect({ secret, long }).toEqual({ secret: undefined, long: 'y'.repeat(9) });
    expect(kept).toHaveLength(100_000);
  });

  it('holds for an exporter made elsewhere', async () => {
    const exporter = recordingExporter();
    const service = start({
      backends: { made: { exporter, dropAttributes: ['secret', 'host.*'] } },
      defaultRoute: 'made',
    });
    endSpan(service, 'work', (span) => {
      span.setAttributes({ secret: 1, other: 2 }).addEvent('event', { secret: 1 });
      span.addLink({ context: span.spanContext(), attributes: { secret: 1 } });
    });
    await service.processor.forceFlush();
    const [span] = exporter.spans;
    expect(span?.attributes).toEqual({ other: 2, 'signalbox.route': 'made' });
    expect(span?.events[0]?.attributes).toEqual({});
    expect(span?.links[0]?.attributes).toEqual({});
    expect(span?.resource.attributes).toEqual({ 'service.name': 'shop' });
  });

  it('drops what can not be made seen, at its own backend alone', async () => {
    const [viewed, plain] = [recordingExporter(), recordingExporter()];
    const service = start({
      backends: {
        viewed: { exporter: viewed, truncateAttributes: { '*': 5 } },
        plain: { exporter: plain },
      },
      routes: { both: ['viewed', 'plain'] },
      defaultRoute: 'both',
    });
    const circle: unknown[] = [];
    circle.push(circle);
    endSpan(service, 'bad', (span) =>
      Reflect.set(Reflect.get(span, 'attributes'), 'circle', circle),
    );
    endSpan(service, 'good');
    await service.processor.forceFlush();
    expect(viewed.names()).toEqual(['good']);
    expect(plain.names()).toEqual(['bad', 'good']);
    expect(service.processor.stats().backends.viewed?.dropped).toEqual({ encode_error: 1 });
  });
});

describe('a view in code', () => {
  const both = { routes: { both: ['viewed', 'plain'] }, defaultRoute: 'both' };

  it('leaves a span out, changes it, or has it sent as it is', async () => {
    const at = await receiver();
    const view: SpanView = (span) => {
      if (span.name === 'health') return undefined;
      return span.name === 'login' ? readable(span, { user: 'masked' }) : span;
    };
    const service = start({
      backends: {
        viewed: { endpoint: `${at.url}/viewed`, view },
        plain: { endpoint: `${at.url}/plain` },
      },
      ...both,
    });
    endSpan(service, 'health');
    endSpan(service, 'login', (span) => span.setAttribute('user', 'ann'));
    endSpan(service, 'other', (span) => span.setAttribute('a', 1));
    await service.processor.forceFlush();
    const seen = (backend: string) =>
      at.spans(backend).map(({ name, attributes }) => [name, plainAttributes(attributes)]);
    const route = { 'signalbox.route': 'both' };
    expect(seen('viewed')).toEqual([
      ['login', { user: 'masked', ...route }],
      ['other', { a: 1, ...route }],
    ]);
    expect(seen('plain')).toEqual([
      ['health', route],
      ['login', { user: 'ann', ...route }],
      ['other', { a: 1, ...route }],
    ]);
    expect(service.processor.stats().filtered).toBe(1);
  });

  it('may change what it is given, which is a copy', async () => {
    const [viewed, plain] = [recordingExporter(), recordingExporter()];
    const view: SpanView = (span) => {
      delete span.attributes.secret;
      span.attributes.list = [];
      span.events.length = 0;
      for (const { attributes } of span.links) delete attributes?.secret;
      span.spanContext().traceFlags = 0;
      return span;
    };
    const service = start({
      backends: { viewed: { exporter: viewed, view }, plain: { exporter: plain } },
      ...both,
    });
    endSpan(service, 'work', (span) => {
      span.setAttributes({ secret: 1, list: ['a'] }).addEvent('event');
      span.addLink({ context: span.spanContext(), attributes: { secret: 1 } });
    });
    await service.processor.forceFlush();
    expect(viewed.spans[0]?.attributes).toEqual({ list: [], 'signalbox.route': 'both' });
    expect(viewed.spans[0]?.events).toEqual([]);
    const [span] = plain.spans;
    expect(span?.attributes).toEqual({ secret: 1, list: ['a'], 'signalbox.route': 'both' });
    expect(span?.events).toHaveLength(1);
    expect(span?.links[0]?.attributes).toEqual({ secret: 1 });
    expect(span?.spanContext().traceFlags).toBe(1);
  });

  it('can not change the resource, which spans share, and is dropped for trying', async () => {
    const plain = recordingExporter();
    const service = start({
      backends: {
        viewed: {
          exporter: recordingExporter(),
          view: (span) => {
            span.resource.attributes['service.name'] = 'other';
            return span;
          },
        },
        plain: { exporter: plain },
      },
      ...both,
    });
    endSpan(service, 'work');
    await service.processor.forceFlush();
    expect(plain.spans[0]?.resource.attributes['service.name']).toBe('shop');
    expect(service.processor.stats().backends.viewed?.dropped).toEqual({ encode_error: 1 });
  });

  it.each<[what: string, view: () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('a secret');
      },
    ],
    ['is async', async () => undefined],
    ['is async, and rejects', () => Promise.reject(new Error('a secret'))],
    ['returns null', () => null],
    ['returns true', () => true],
    ['returns an object that is no span', () => ({ name: 'x' })],
  ])('that %s sends nothing, and no other backend notices', async (_, view) => {
    const [viewed, plain] = [recordingExporter(), recordingExporter()];
    const service = start({
      backends: {
        viewed: { exporter: viewed, view: view as SpanView },
        plain: { exporter: plain },
      },
      ...both,
    });
    endSpan(service, 'work');
    await service.processor.forceFlush();
    expect(viewed.spans).toEqual([]);
    expect(plain.names()).toEqual(['work']);
    const { filtered, backends } = service.processor.stats();
    expect(filtered).toBe(0);
    expect(backends.viewed).toMatchObject({ accepted: 1, dropped: { encode_error: 1 } });
    expectLaws(service.processor.stats());
  });

  it('is asked once for a span that goes to several backends', async () => {
    const at = await receiver();
    const asked: string[] = [];
    const view: SpanView = (span) => {
      asked.push(span.name);
      return span.name === 'out' ? undefined : readable(span, { n: asked.length });
    };
    const service = start({
      backends: {
        a: { endpoint: `${at.url}/a`, view },
        b: { endpoint: `${at.url}/b`, view, filter: 'ai' },
        c: { endpoint: `${at.url}/c`, view, dropAttributes: ['n'] },
        d: { endpoint: `${at.url}/d` },
      },
      routes: { all: ['a', 'b', 'c', 'd'] },
      defaultRoute: 'all',
    });
    endSpan(service, 'work', (span) => span.setAttribute('llm.model', 'x'));
    endSpan(service, 'out');
    await service.processor.forceFlush();
    expect(asked).toEqual(['work', 'out']);
    const route = { 'signalbox.route': 'all' };
    expect(lastAttributes(at, 'a')).toEqual({ n: 1, ...route });
    expect(lastAttributes(at, 'b')).toEqual({ n: 1, ...route });
    expect(lastAttributes(at, 'c')).toEqual(route);
    expect(at.spans('d').map(({ name }) => name)).toEqual(['work', 'out']);
    expect(service.processor.stats().filtered).toBe(3);
  });

  it('comes after the filter, and before the settings of attributes', async () => {
    const exporter = recordingExporter();
    const seen: string[] = [];
    const service = start({
      backends: {
        viewed: {
          exporter,
          filter: 'ai',
          dropAttributes: ['secret'],
          view: (span) => {
            seen.push(span.name);
            return readable(span, { ...span.attributes, secret: 'brought back' });
          },
        },
      },
      defaultRoute: 'viewed',
    });
    endSpan(service, 'other');
    endSpan(service, 'ai.chat');
    await service.processor.forceFlush();
    expect(seen).toEqual(['ai.chat']);
    expect(exporter.spans[0]?.attributes).toEqual({ 'signalbox.route': 'viewed' });
  });

  it("runs outside of the request's context, and makes no spans", async () => {
    const key = createContextKey('request');
    const exporter = recordingExporter();
    const contexts: unknown[] = [];
    const service = start({
      backends: {
        viewed: {
          exporter,
          view: (span) => {
            contexts.push(context.active().getValue(key), trace.getActiveSpan());
            contexts.push(isTracingSuppressed(context.active()));
            service.tracer.startSpan('made by the view').end();
            return span;
          },
        },
      },
      defaultRoute: 'viewed',
    });
    context.with(context.active().setValue(key, 'request'), () => endSpan(service, 'work'));
    await service.processor.forceFlush();
    expect(contexts).toEqual([undefined, undefined, true]);
    expect(exporter.names()).toEqual(['work']);
  });

  it('stays with the backend over an update that changes nothing of it', async () => {
    const exporter = recordingExporter();
    const view: SpanView = (span) => span;
    const config = {
      backends: { viewed: { exporter, view, filter: 'ai' as const } },
      defaultRoute: 'viewed',
    };
    const service = start(config);
    service.processor.update({ ...config, parkMaxSpans: 0 });
    endSpan(service, 'ai.chat');
    await service.processor.forceFlush();
    expect(exporter.names()).toEqual(['ai.chat']);
  });
});
