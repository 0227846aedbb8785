// @ts-check
// What is compared: each module beside this one makes one subject, and loads nothing of the others', so that a
// process's memory is its subject's own.

/** @typedef {import('@opentelemetry/sdk-trace-base').SpanProcessor} SpanProcessor */

/**
 * Something that takes a provider's spans.
 *
 * @typedef {object} Subject
 * @property {SpanProcessor[]} spanProcessors
 * @property {(key: string, fn: () => void) => void} inRoute runs `fn`, whose spans belong to `key`
 * @property {() => import('signalbox').RoutingStats} [stats] what signalbox says of what became of the spans
 */

/**
 * How it is set up.
 *
 * @typedef {object} Setup
 * @property {number} backends how many are configured: `b0`, `b1` and so on
 * @property {boolean} [fanOut] whether every span goes to all of them, instead of to the one that its key names
 * @property {import('signalbox').SignalboxConfig['routes']} [routes] signalbox's, in place of a key for each backend
 * @property {Record<string, string>} [routeParents] signalbox's
 * @property {Record<string, import('signalbox').BackendConfig>} [settings] what else signalbox's backends have, by their names
 * @property {string} receiverUrl where all of them are, each under its name
 * @property {'http/protobuf' | 'http/json'} [protocol]
 * @property {'none' | 'gzip'} [compression]
 * @property {number} [scheduleDelayMs]
 * @property {'default' | 'ample'} [queues] `ample` ones never drop, which with the defaults the peer's would
 * @property {number} [maxBufferedBytes] signalbox's budget, where it is neither of the two
 * @property {'wire' | 'none'} [delivery] `none`: exporters that do nothing, behind batches that never fill; for the peer
 */

/** The one key there is under fan-out. */
export const FAN_OUT_KEY = 'all';

/** @param {number} index */
export function backendName(index) {
  return `b${index}`;
}

/** An exporter that does nothing. @returns {import('@opentelemetry/sdk-trace-base').SpanExporter} */
export function createIdleExporter() {
  return {
    export(_spans, resultCallback) {
      resultCallback({ code: 0 });
    },
    async shutdown() {},
  };
}
