// @ts-check
// Stands for the backends of an example: one receiver on loopback, which decodes what arrives.

// The receiver is no part of the public API; an application has no use for one.
import { createReceiver } from '../../dist/receiver/receiver.js';

/** @typedef {import('../../dist/receiver/received.js').ReceivedRequest} ReceivedRequest */
/** @typedef {import('../../dist/receiver/received.js').ReceivedSpan} ReceivedSpan */
/** @typedef {{ backend: string, span: ReceivedSpan, headers: ReceivedRequest['headers'] }} Arrival */

/**
 * Starts the named backends. Each takes only what comes with its own API key, `key-of-<name>`.
 *
 * @param {readonly string[]} names
 * @param {() => boolean} [isDown] asked for each request, which is answered 503 then
 */
export async function startBackends(names, isDown = () => false) {
  /** @type {Arrival[]} */
  const arrivals = [];
  const receiver = createReceiver({
    answer({ backend = '', headers }) {
      const isOwnKey = headers.authorization === `Bearer key-of-${backend}`;
      if (!names.includes(backend) || !isOwnKey) return { status: 401 };
      return isDown() ? { status: 503 } : undefined;
    },
    onRequest({ backend = '', headers, spans }, httpStatus) {
      if (httpStatus !== 200) return;
      for (const span of spans) arrivals.push({ backend, span, headers });
    },
  });
  const { url } = await receiver.start();
  return {
    /** All that they took. */
    arrivals: /** @type {readonly Arrival[]} */ (arrivals),
    /** The variables that lead a service here, in place of the addresses in its settings. */
    endpoints: Object.fromEntries(
      names.map((name) => [
        `SIGNALBOX_BACKEND_${name.toUpperCase().replaceAll('-', '_')}_ENDPOINT`,
        `${url}/${name}`,
      ]),
    ),
    stop: () => receiver.stop(),
  };
}
