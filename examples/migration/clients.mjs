// @ts-check
// The clients of the service. They begin the traces, with ids that are the same in every run.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';

/**
 * One request.
 *
 * @typedef {object} Sent
 * @property {string} tenant
 * @property {string} traceId
 */

/** The id of a trace, from what it is about. @param {string} subject */
export function traceIdOf(subject) {
  return createHash('sha256').update(subject).digest('hex').slice(0, 32);
}

/** Sends a request, and waits for its end. @param {string} url @param {Sent} sent */
export async function send(url, sent) {
  const begun = await begin(url, sent);
  await begun.end();
}

/**
 * Sends the first half of a request: the service has made spans for it, and goes on when `end` is called.
 *
 * @param {string} url
 * @param {Sent} sent
 */
export async function begin(url, { tenant, traceId }) {
  const request = http.request(`${url}/${tenant}`, {
    method: 'POST',
    headers: {
      'x-tenant': tenant,
      traceparent: `00-${traceId}-${traceIdOf(traceId).slice(0, 16)}-01`,
    },
  });
  request.write('one item, ');
  const [response] = await once(request, 'response');
  return {
    async end() {
      request.end('and another');
      await once(response.resume(), 'end');
    },
  };
}
