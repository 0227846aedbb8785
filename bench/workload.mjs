// @ts-check
// The spans that a benchmark makes: traces of eight, as an application would make them. Everything is
// derived from a fixed seed, so that each process makes the same spans but for their ids and times.

import { context, SpanKind, trace } from '@opentelemetry/api';

/** @typedef {import('@opentelemetry/api').Attributes} Attributes */
/** @typedef {import('@opentelemetry/api').Tracer} Tracer */

/**
 * What a span looks like. `request`: 12 attributes, one of 300 characters, and 1 event, about 1 kB as
 * protobuf. `mixed`: as `request`, but each fourth span is one of AI. `llm`: 8 attributes, one of them a prompt of 50,000 characters. `stamped`: as `request`, but its
 * times are those of the monotonic clock, which all processes of a machine share.
 *
 * @typedef {'request' | 'mixed' | 'llm' | 'stamped'} Shape
 */

/** The attribute by which the peer's filters know whose a span is. */
export const TENANT_ATTRIBUTE = 'tenant.id';
export const SPANS_PER_TRACE = 8;
/** Of a `mixed` trace. */
export const AI_SPANS_PER_TRACE = 2;

const PROMPT_CHARACTERS = 50_000;
/** More texts than gzip's window of 32 KiB can hold, so that it has to work as it would in production. */
const VARIED_TEXTS = 4_096;

/**
 * Creates the function that makes one trace: a root, the other spans inside it, all ended.
 *
 * @param {Tracer} tracer
 * @param {Shape} shape
 * @returns {(tenant: string, inNested?: (fn: () => void) => void) => void} `inNested` runs what makes all but the root
 */
export function createTraceMaker(tracer, shape) {
  const attributesOf = shape === 'llm' ? createLlmAttributes() : createRequestAttributes();
  const isMixed = shape === 'mixed';
  const isStamped = shape === 'stamped';
  let made = 0;

  /** @param {string} tenant @param {SpanKind} kind */
  function startSpan(tenant, kind) {
    made += 1;
    const attributes = attributesOf(tenant, made);
    if (isMixed && made % (SPANS_PER_TRACE / AI_SPANS_PER_TRACE) === 0) {
      attributes['gen_ai.operation.name'] = 'chat';
    }
    return tracer.startSpan('SELECT orders', {
      kind,
      attributes,
      ...(isStamped && { startTime: process.hrtime() }),
    });
  }

  /** @param {import('@opentelemetry/api').Span} span */
  function endSpan(span) {
    span.addEvent('cache.lookup', { 'cache.key': `order-${made}`, 'cache.hit': made % 2 === 0 });
    if (isStamped) span.end(process.hrtime());
    else span.end();
  }

  /** @param {string} tenant */
  function makeChildren(tenant) {
    for (let i = 1; i < SPANS_PER_TRACE; i += 1) endSpan(startSpan(tenant, SpanKind.CLIENT));
  }

  return (tenant, inNested) => {
    const root = startSpan(tenant, SpanKind.SERVER);
    // As startActiveSpan does: every application pays for this, whatever processes its spans.
    const inRoot = trace.setSpan(context.active(), root);
    if (inNested === undefined) context.with(inRoot, makeChildren, undefined, tenant);
    else context.with(inRoot, inNested, undefined, () => makeChildren(tenant));
    endSpan(root);
  };
}

/** @returns {(tenant: string, number: number) => Attributes} */
function createRequestAttributes() {
  const words = createWords(1);
  const texts = Array.from({ length: VARIED_TEXTS }, () => words(300));
  return (tenant, number) => ({
    [TENANT_ATTRIBUTE]: tenant,
    'http.request.method': 'GET',
    'http.route': '/orders/:id',
    'url.path': `/orders/${number}`,
    'http.response.status_code': number % 50 === 0 ? 503 : 200,
    'server.address': 'orders.internal.example',
    'server.port': 8443,
    'network.peer.address': `10.0.${number & 7}.${number & 255}`,
    'user_agent.original': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0)',
    'db.query.text': texts[number % VARIED_TEXTS],
    'app.cached': number % 3 === 0,
    'app.load': (number % 1_000) / 997,
  });
}

/** @returns {(tenant: string, number: number) => Attributes} */
function createLlmAttributes() {
  const text = createWords(2)(1_000_000);
  const oneByte = Buffer.from(text, 'latin1');
  // A character beyond Latin-1 makes a string of two bytes each, which is slower to encode.
  const twoBytes = Buffer.from(text.replaceAll(' of ', ' \u2192 '), 'utf16le');

  /** A string of its own each time, as a prompt that was just put together is. @param {number} number */
  function prompt(number) {
    const from = (number * 7_919) % (text.length - PROMPT_CHARACTERS);
    const to = from + PROMPT_CHARACTERS;
    return number % 4 === 0
      ? twoBytes.toString('utf16le', from * 2, to * 2)
      : oneByte.toString('latin1', from, to);
  }

  return (tenant, number) => ({
    [TENANT_ATTRIBUTE]: tenant,
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'example',
    'gen_ai.request.model': 'example-large',
    'gen_ai.request.temperature': 0.2,
    'gen_ai.usage.input_tokens': 12_000 + (number % 100),
    'gen_ai.usage.output_tokens': number % 1_000,
    'gen_ai.input.messages': prompt(number),
  });
}

/**
 * Creates a maker of texts of a given length, of made-up words in random order.
 *
 * @param {number} seed
 * @returns {(characters: number) => string}
 */
function createWords(seed) {
  const random = createRandom(seed);
  const syllables = ['or', 'der', 'ta', 'ble', 'mi', 'nus', 'ka', 'ro', 'len', 'qu', 'est', 'ion'];
  const pick = () => syllables[Math.floor(random() * syllables.length)];
  const words = Array.from({ length: 500 }, () => `${pick()}${pick()}${pick()}`);
  words.push('of', 'the', 'where', 'and', 'select', 'from');
  return (characters) => {
    let text = '';
    while (text.length < characters) text += `${words[Math.floor(random() * words.length)]} `;
    return text.slice(0, characters);
  };
}

/** Mulberry32: the same numbers on every machine. @param {number} seed @returns {() => number} from 0 to 1 */
export function createRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
