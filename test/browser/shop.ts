import type { WrittenSpan } from '../viewer/otlp.js';
import { sendSpans } from '../viewer/otlp.js';

/** Which backends a key's spans belong to, and how many requests of it there are in a second. */
const TENANTS = [
  { key: 'acme', backends: ['byoc-acme'], requests: 5 },
  { key: 'globex', backends: ['standard', 'byoc-globex'], requests: 3 },
  { key: 'initech', backends: ['standard'], requests: 3 },
  { key: 'umbrella', backends: ['eu'], requests: 4 },
  { key: 'hooli', backends: ['standard'], requests: 2 },
  { key: undefined, backends: ['standard'], requests: 1 },
] as const;

const HEADERS = {
  authorization: 'Bearer sk-picture',
  'x-bt-parent': 'project_name:checkout',
  'user-agent': 'signalbox/0.1.0',
};

/** Numbers that seem random, and are the same for each picture. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

/** A shop with several tenants, for pictures: one second of its requests at each call. */
export function createShop(sinkUrl: string) {
  const random = createRandom(7);
  const id = (digits: number) =>
    Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('');

  /** One request: an answer of a model, with all that comes before it. */
  function chat(key: string | undefined, startMs: number): WrittenSpan[] {
    const traceId = id(32);
    const [root, authenticate, model] = [id(16), id(16), id(16)];
    const lookUpMs = 4 + random() * 14;
    const modelMs = 60 + random() * 240;
    const part = { traceId, service: 'checkout', ...(key !== undefined && { key }) };
    const fails = random() < 0.04;
    return [
      {
        ...part,
        spanId: root,
        name: 'POST /chat',
        kind: 2,
        startMs,
        durationMs: lookUpMs + modelMs + 22,
        attributes: {
          'http.request.method': 'POST',
          'http.route': '/chat',
          'http.response.status_code': fails ? 502 : 200,
        },
      },
      {
        ...part,
        spanId: authenticate,
        parentSpanId: root,
        name: 'authenticate',
        startMs: startMs + 2,
        durationMs: lookUpMs,
      },
      {
        ...part,
        spanId: id(16),
        parentSpanId: authenticate,
        name: 'SELECT api_keys',
        kind: 3,
        startMs: startMs + 3,
        durationMs: lookUpMs * 0.4,
        attributes: {
          'db.system.name': 'postgresql',
          'db.query.text': 'SELECT tenant FROM api_keys WHERE hash = $1',
        },
      },
      {
        ...part,
        spanId: id(16),
        parentSpanId: authenticate,
        name: 'SELECT tenants',
        kind: 3,
        startMs: startMs + 3 + lookUpMs * 0.5,
        durationMs: lookUpMs * 0.4,
        attributes: { 'db.system.name': 'postgresql' },
      },
      {
        ...part,
        spanId: model,
        parentSpanId: root,
        name: 'chat gpt-5',
        startMs: startMs + lookUpMs + 5,
        durationMs: modelMs,
        attributes: {
          'gen_ai.operation.name': 'chat',
          'gen_ai.request.model': 'gpt-5',
          'gen_ai.request.temperature': 0.2,
          'gen_ai.usage.input_tokens': 812,
          'gen_ai.usage.output_tokens': 164,
          'gen_ai.prompt':
            'Which of these orders have left the warehouse, and when will the others?',
        },
        events: [{ name: 'first token', offsetMs: modelMs * 0.3 }],
      },
      {
        ...part,
        spanId: id(16),
        parentSpanId: model,
        name: 'POST',
        kind: 3,
        startMs: startMs + lookUpMs + 7,
        durationMs: modelMs - 6,
        attributes: { 'server.address': 'api.openai.com', 'http.request.method': 'POST' },
        ...(fails && { error: 'socket hang up' }),
      },
      {
        ...part,
        spanId: id(16),
        parentSpanId: root,
        name: 'INSERT usage',
        kind: 3,
        startMs: startMs + lookUpMs + modelMs + 9,
        durationMs: 8,
        attributes: { 'db.system.name': 'postgresql' },
      },
    ];
  }

  return {
    async sendSecond(): Promise<void> {
      const batches = new Map<string, WrittenSpan[]>();
      const put = (backend: string, spans: readonly WrittenSpan[]) =>
        void batches.set(backend, [...(batches.get(backend) ?? []), ...spans]);
      for (const { key, backends, requests } of TENANTS) {
        const count = Math.round(requests * (0.4 + random() * 1.2));
        for (let request = 0; request < count; request += 1) {
          const spans = chat(key, Date.now() - 900 * random());
          for (const backend of backends) put(backend, spans);
        }
      }
      for (const [backend, spans] of batches) await sendSpans(sinkUrl, backend, spans, HEADERS);
    },
    /** A request whose call of the model went to another backend than the rest of it. */
    async sendSplit(): Promise<void> {
      const spans = chat('hooli', Date.now() - 400);
      const strays = spans.filter(({ name }) => name === 'POST' || name === 'chat gpt-5');
      await sendSpans(
        sinkUrl,
        'standard',
        spans.filter((span) => !strays.includes(span)),
        HEADERS,
      );
      await sendSpans(sinkUrl, 'eu', strays, HEADERS);
    },
    /** A request of which one span arrives twice. */
    async sendRepeated(): Promise<void> {
      const spans = chat('initech', Date.now() - 400);
      await sendSpans(sinkUrl, 'standard', [...spans, ...spans.slice(-1)], HEADERS);
    },
  };
}

/** What a service would say of the shop's backends, one of which is ill. */
export function shopStats(): object {
  const backend = (delivered: number, queued: number, state: string, dropped = {}) => ({
    accepted: delivered + queued,
    delivered,
    queued,
    inFlight: state === 'up' ? 14 : 1,
    spooled: 0,
    dropped,
    state,
  });
  return {
    ended: 9_412,
    routed: 9_371,
    parked: 23,
    dropped: { unknown_route: 18 },
    backends: {
      'byoc-acme': backend(2_684, 31, 'up'),
      'byoc-globex': backend(311, 1_204, 'degraded', { queue_full: 96 }),
      eu: backend(2_101, 28, 'up'),
      standard: backend(4_902, 44, 'up'),
    },
    recentFailures: Array.from({ length: 7 }, (_, index) => ({
      at: Date.now() - index * 1_000,
      backend: 'byoc-globex',
      outcome: 'retryable',
      message: 'HTTP 503 Service Unavailable',
    })),
  };
}
