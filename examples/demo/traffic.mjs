// @ts-check
// What comes from outside: clients of several tenants at once, and the model that the service calls. Clients
// leave a marker in the path of each request, by which the receiver can tell whose spans are whose.

import http from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import { tenants } from './tenants.mjs';

const MARKER = /\/marked\/([a-z]+)\//;

/**
 * Whose span this is, by what the load generator wrote: the name of a tenant.
 *
 * @param {import('../../dist/receiver/received.js').ReceivedSpan} span
 * @returns {string | undefined}
 */
export function markerOf(span) {
  for (const { value } of span.attributes) {
    const marker = value.type === 'string' ? MARKER.exec(value.value)?.[1] : undefined;
    if (marker !== undefined) return marker;
  }
  return undefined;
}

/**
 * Sends `total` requests to `url`, `concurrency` at a time. undici is the client because the instrumentation
 * does not see it: its requests make no spans of their own.
 *
 * @param {string} url
 * @param {{ total: number, concurrency: number }} options
 */
export async function sendRequests(url, { total, concurrency }) {
  const pool = new Pool(url, { connections: concurrency });
  let next = 0;
  async function client() {
    while (next < total) {
      const number = next;
      next += 1;
      await sendRequest(pool, number);
    }
  }
  await Promise.all(Array.from({ length: concurrency }, client));
  await pool.close();
}

/**
 * @param {Pool} pool
 * @param {number} number
 */
async function sendRequest(pool, number) {
  const tenant = tenants[number % tenants.length];
  if (tenant === undefined) return;
  const credential = number % 3 === 0 ? tenant.session : tenant.apiKey;
  // Every 19th client does not wait: the server span ends while the tenant is still being looked up.
  const isImpatient = number % 19 === 1;
  try {
    const { body } = await pool.request({
      path: `/marked/${tenant.name}/chat`,
      method: 'GET',
      headers: credential === undefined ? {} : { authorization: credential },
      signal: isImpatient ? AbortSignal.timeout(10) : null,
    });
    await body.dump();
  } catch (error) {
    if (!isImpatient) throw error;
  }
}

/** Starts the model: a server that takes its time. */
export async function startModel() {
  const server = http.createServer(async (request, response) => {
    await wait(10 + ((request.url ?? '').length % 20));
    response.end('{"choices":[]}');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
