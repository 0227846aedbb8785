// @ts-check
// Judges what arrives, and shows it. `signalbox.route`, which signalbox writes itself, is not consulted.

import { tenants } from './tenants.mjs';
import { markerOf } from './traffic.mjs';

/** @typedef {import('../../dist/receiver/received.js').ReceivedRequest} ReceivedRequest */

/**
 * @typedef {object} Verdict
 * @property {number} made
 * @property {number} atHome spans that arrived at the backend of the tenant whose marker they carry
 * @property {number} elsewhere spans that arrived at another one, or carry no marker
 * @property {number} lost spans that arrived nowhere
 * @property {number} repeated spans that arrived more than once
 */

export function createReport() {
  const rows = new Map(
    ['standard', 'byoc'].map((backend) => [
      backend,
      { backend, spans: 0, requests: 0, bytes: 0, elsewhere: 0 },
    ]),
  );
  /** @type {Set<string>} */
  const arrivedAtHome = new Set();
  /** @type {Set<string>} */
  const arrivedElsewhere = new Set();
  let repeated = 0;

  return {
    /** @param {ReceivedRequest} request */
    add(request) {
      const backend = request.backend ?? 'unknown';
      const row = rows.get(backend);
      if (row === undefined)
        throw new Error(`a request for a backend that is not there: ${backend}`);
      row.requests += 1;
      row.bytes += request.wireBytes;
      for (const span of request.spans) {
        const marker = markerOf(span);
        const isHome = tenants.find(({ name }) => name === marker)?.home === backend;
        const arrived = isHome ? arrivedAtHome : arrivedElsewhere;
        if (arrived.has(span.spanId)) repeated += 1;
        arrived.add(span.spanId);
        row.spans += 1;
        row.elsewhere += isHome ? 0 : 1;
      }
    },

    /** The table, as lines. */
    table() {
      const header = ['backend', 'for', 'spans', 'requests', 'bytes', 'misplaced'];
      const body = [...rows.values()].map((row) => [
        row.backend,
        tenants
          .filter(({ home }) => home === row.backend)
          .map(({ name }) => name)
          .join(', '),
        ...[row.spans, row.requests, row.bytes, row.elsewhere].map((n) => n.toLocaleString('en')),
      ]);
      return [header, ...body].map(
        ([backend = '', tenantNames = '', ...numbers]) =>
          backend.padEnd(10) + tenantNames.padEnd(24) + numbers.map((n) => n.padStart(11)).join(''),
      );
    },

    /**
     * @param {readonly string[]} madeSpanIds
     * @returns {Verdict}
     */
    judge(madeSpanIds) {
      return {
        made: madeSpanIds.length,
        atHome: arrivedAtHome.size,
        elsewhere: arrivedElsewhere.size,
        lost: madeSpanIds.filter((id) => !arrivedAtHome.has(id) && !arrivedElsewhere.has(id))
          .length,
        repeated,
      };
    },
  };
}
