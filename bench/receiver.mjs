// @ts-check
// The receiver, a process of its own: counts the spans that arrive for each backend, and answers as it is told.
//
// It is no part of what is measured, and does as little as it can: bodies are not decoded, and compressed ones
// are kept, and looked into when the run is over.

import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { countJsonSpans, countProtobufSpans } from './span-count.mjs';

/**
 * How it behaves until the next reset.
 *
 * @typedef {object} Behaviour
 * @property {number} [delayMs] from a request's end to its answer; 0 by default
 * @property {readonly string[]} [hanging] backends whose requests are never answered
 * @property {boolean} [stamped] whether spans end on the monotonic clock, so that their way can be timed
 */

/**
 * What it tells of a run.
 *
 * @typedef {object} Report
 * @property {Record<string, number>} spans by backend
 * @property {Record<string, number>} deliveryP99Ms by backend, from a span's end to the end of its request;
 *   without the first tenth, in which both sides warm up
 */

/** @typedef {{ type: 'reset', behaviour: Behaviour } | { type: 'report' }} Question */

/** @type {Behaviour} */
let behaviour = {};
/** @type {Map<string, number>} */
let spans = new Map();
/** @type {Map<string, number[]>} */
let deliveriesMs = new Map();
/** @type {{ backend: string, type: string, body: Buffer }[]} */
let compressed = [];

const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
  /** @type {Buffer[]} */
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const backend = (request.url ?? '').split('/', 2)[1] ?? '';
    const type = request.headers['content-type'] ?? '';
    const body = Buffer.concat(chunks);
    if (request.headers['content-encoding'] === 'gzip') compressed.push({ backend, type, body });
    else count(backend, type, body);
    if (behaviour.hanging?.includes(backend)) return;
    const answer = type === 'application/json' ? '{}' : '';
    const respond = () => {
      response.writeHead(200, { 'content-type': type, 'content-length': answer.length });
      response.end(answer);
    };
    if (behaviour.delayMs === undefined) respond();
    else setTimeout(respond, behaviour.delayMs);
  });
});

/** @param {string} backend @param {string} type @param {Buffer} body */
function count(backend, type, body) {
  const counted =
    type === 'application/json'
      ? countJsonSpans(body)
      : countProtobufSpans(body, behaviour.stamped ? timeDeliveries(backend) : undefined);
  spans.set(backend, (spans.get(backend) ?? 0) + counted);
}

/** @param {string} backend */
function timeDeliveries(backend) {
  const nowNs = process.hrtime.bigint();
  const times = deliveriesMs.get(backend) ?? [];
  deliveriesMs.set(backend, times);
  return (/** @type {bigint} */ endTimeNs) => {
    times.push(Number(nowNs - endTimeNs) / 1e6);
  };
}

/** @returns {Report} */
function report() {
  for (const { backend, type, body } of compressed) count(backend, type, gunzipSync(body));
  compressed = [];
  const deliveryP99Ms = Array.from(deliveriesMs, ([backend, times]) => {
    const warm = times.slice(times.length / 10).sort((a, b) => a - b);
    return [backend, warm[Math.floor(warm.length * 0.99)]];
  });
  return {
    spans: Object.fromEntries(spans),
    deliveryP99Ms: Object.fromEntries(deliveryP99Ms),
  };
}

process.on('message', (/** @type {Question} */ question) => {
  if (question.type === 'report') {
    process.send?.(report());
    return;
  }
  behaviour = question.behaviour;
  spans = new Map();
  deliveriesMs = new Map();
  compressed = [];
  // Requests that were left hanging by the run before.
  server.closeAllConnections();
  process.send?.('ready');
});

// Whoever started it is gone.
process.on('disconnect', () => process.exit());

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') {
    process.send?.(`http://127.0.0.1:${address.port}`);
  }
});
