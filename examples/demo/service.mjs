// @ts-check
// A multi-tenant HTTP service, as anyone might have it. What makes it route are two calls: withBoundary around
// a request, and setRoute where the tenant is known.

import http from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import { setRoute, withBoundary } from 'signalbox';
import { madeSpanIds, provider, routing } from './telemetry.mjs';
import { tenants } from './tenants.mjs';

const tracer = trace.getTracer('demo-service');
const modelUrl = process.env.DEMO_MODEL_URL ?? '';

/** Work that is under way; some of it outlives its request. @type {Set<Promise<void>>} */
const underWay = new Set();

const server = http.createServer((request, response) => {
  track(withBoundary(() => handle(request, response)));
});

/**
 * @param {http.IncomingMessage} request
 * @param {http.ServerResponse} response
 */
async function handle(request, response) {
  const path = request.url ?? '';
  const tenant = await authenticate(request.headers.authorization, path);
  if (tenant !== undefined) setRoute(tenant);

  const answer = await inSpan('chat', path, () => askModel(path));
  response.end(answer);
  track(recordUsage(path));
}

/**
 * A session is known at once. An API key is looked up, and the look-up makes spans, all before anyone knows
 * whose request this is: signalbox parks them until setRoute is called.
 *
 * @param {string | undefined} credential
 * @param {string} path
 * @returns {Promise<string | undefined>} the tenant's name; `undefined` for a request without a credential
 */
async function authenticate(credential, path) {
  if (credential === undefined) return undefined;
  const known = tenants.find(({ session }) => session === credential);
  if (known !== undefined) return known.name;
  return inSpan('authenticate', path, async () => {
    await inSpan('SELECT api_keys', path, () => wait(5));
    const [found] = await Promise.all([
      inSpan('SELECT tenants', path, async () => {
        await wait(10);
        return tenants.find(({ apiKey }) => apiKey === credential);
      }),
      inSpan('UPDATE api_keys', path, () => wait(3)),
    ]);
    return found?.name;
  });
}

/**
 * Calls another service; the instrumentation makes the client span.
 *
 * @param {string} path
 * @returns {Promise<string>}
 */
function askModel(path) {
  return new Promise((resolve, reject) => {
    http
      .get(modelUrl + path, async (response) => resolve((await response.toArray()).join('')))
      .on('error', reject);
  });
}

/**
 * Goes on after the answer was sent, and still belongs to its request.
 *
 * @param {string} path
 */
async function recordUsage(path) {
  await inSpan('INSERT usage', path, () => wait(8));
}

/**
 * Runs `fn` in a span that carries the path, in which the load generator left its marker.
 *
 * @template T
 * @param {string} name
 * @param {string} path
 * @param {() => Promise<T>} fn
 * @returns {Promise<T>}
 */
function inSpan(name, path, fn) {
  return tracer.startActiveSpan(name, { attributes: { 'demo.path': path } }, async (span) => {
    try {
      return await fn();
    } finally {
      span.end();
    }
  });
}

/** @param {Promise<void>} work */
function track(work) {
  underWay.add(work);
  work.finally(() => underWay.delete(work));
}

server.listen(0, '127.0.0.1', () => process.send?.({ address: server.address() }));

// The demo says when its last request is done. The order matters: only when the connections are closed and
// the work that outlived its request is done has every span ended.
process.once('message', async () => {
  await new Promise((resolve) => server.close(resolve));
  while (underWay.size > 0) await Promise.all(underWay);
  await provider.shutdown();
  process.send?.({ madeSpanIds, stats: routing.stats() }, () => process.disconnect());
});
