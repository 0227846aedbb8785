// @ts-check
// Holds what arrived at the two backends against what was sent, against each other, and against stats().routes.

import { isDeepStrictEqual } from 'node:util';

/** @typedef {import('../check/backends.mjs').Arrival} Arrival */
/** @typedef {import('./clients.mjs').Sent} Sent */
/** @typedef {import('./steps.mjs').Step} Step */
/** @typedef {import('signalbox').RoutingStats['routes']} RouteCounts */

/**
 * A request of the step, with the step whose route it has: that in force when it began.
 *
 * @typedef {Sent & { step: Step }} Due
 */

/**
 * One line of the table.
 *
 * @typedef {object} Tally
 * @property {string} tenant
 * @property {number} sent spans
 * @property {{ old: number, new: number }} arrived by the receivers
 * @property {{ old: number, new: number }} counted by stats()
 * @property {number} alike spans that are at both, the same in all that arrived
 * @property {number} missing copies that are nowhere
 * @property {number} split traces of which a backend has a part and not the whole
 * @property {number} elsewhere spans at a backend that their route does not have
 * @property {number} due copies
 * @property {Set<string>} atNew the traces at the new one
 * @property {string[]} faults
 */

const BACKENDS = /** @type {const} */ (['old', 'new']);
/** What a request leaves behind, in alphabetical order. */
const SPANS = ['POST', 'SELECT invoices', 'UPDATE invoices'];

/**
 * @param {string} tenant
 * @param {readonly Due[]} requests of all tenants
 * @param {readonly Arrival[]} arrivals of all tenants
 * @param {RouteCounts} counts since the step before
 * @returns {Tally}
 */
export function compare(tenant, requests, arrivals, counts) {
  const mine = requests.filter((request) => request.tenant === tenant);
  /** @type {Tally} */
  const tally = {
    tenant,
    sent: mine.length * SPANS.length,
    arrived: { old: 0, new: 0 },
    counted: { old: 0, new: 0 },
    alike: 0,
    missing: 0,
    split: 0,
    elsewhere: 0,
    due: 0,
    atNew: new Set(),
    faults: [],
  };
  for (const request of mine) judgeRequest(request, arrivals, tally);
  for (const name of BACKENDS) {
    const count = counts[tenant]?.[name];
    if (count === undefined) continue;
    const { accepted, delivered, dropped, movedIn, movedOut } = count;
    tally.counted[name] = delivered;
    if (delivered !== tally.arrived[name]) {
      tally.faults.push(`${name} counts ${delivered} spans, and ${tally.arrived[name]} arrived`);
    }
    if (accepted + movedIn !== delivered + movedOut + dropped || dropped > 0) {
      tally.faults.push(`${name} has lost spans: ${JSON.stringify(count)}`);
    }
  }
  return tally;
}

/** @param {Due} request @param {readonly Arrival[]} arrivals @param {Tally} tally */
function judgeRequest({ traceId, step }, arrivals, tally) {
  const { faults } = tally;
  const held = arrivals.filter(({ span }) => span.traceId === traceId);
  /** @type {Map<string, string>} */
  const names = new Map(held.map(({ span }) => [span.spanId, span.name]));
  if (!isDeepStrictEqual([...names.values()].sort(), SPANS)) {
    faults.push(`a request left ${[...names.values()].sort().join(', ') || 'nothing'}`);
  }
  const atPrimaries = new Set();
  let isSplit = false;
  for (const name of BACKENDS) {
    const part = held.filter(({ backend }) => backend === name);
    const ids = new Set(part.map(({ span }) => span.spanId));
    tally.arrived[name] += part.length;
    if (ids.size < part.length) faults.push(`${name} has spans twice`);
    if (ids.size > 0 && ids.size < names.size) isSplit = true;
    if (ids.size > 0 && name === 'new') tally.atNew.add(traceId);

    const target = step.route.find(({ backend }) => backend === name);
    if (target?.role === 'shadow') {
      // One without a share has every trace, one with a share the whole of those that it has a part of.
      if (target.share !== undefined && ids.size === 0) continue;
      tally.due += SPANS.length;
      tally.missing += SPANS.length - ids.size;
      continue;
    }
    const isStandby = step.standbyFor !== undefined && name === 'old';
    if (ids.size > 0 && target === undefined && !isStandby) {
      tally.elsewhere += part.length;
      faults.push(`${name} has spans, and no part in the route`);
    }
    for (const id of ids) {
      if (atPrimaries.has(id)) faults.push('a span is at both, which exclude each other');
      atPrimaries.add(id);
    }
  }
  tally.due += SPANS.length;
  tally.missing += SPANS.length - atPrimaries.size;
  if (isSplit) tally.split += 1;
  comparePairs(held, tally);
}

/** Compares the copies of each span that is at both: ids, names, times, attributes, resource, and all else. @param {readonly Arrival[]} held @param {Tally} tally */
function comparePairs(held, tally) {
  for (const { backend, span } of held) {
    if (backend !== 'old') continue;
    const copy = held.find((each) => each.backend === 'new' && each.span.spanId === span.spanId);
    if (copy === undefined) continue;
    if (isDeepStrictEqual(copy.span, span)) tally.alike += 1;
    else tally.faults.push(`the copies of a span ${span.name} differ`);
  }
}

/** What `stats().routes` has counted since. @param {RouteCounts} now @param {RouteCounts} before @returns {RouteCounts} */
export function since(now, before) {
  return mapValues(now, (backends, key) =>
    mapValues(backends, (count, name) =>
      mapValues(count, (value, field) => value - (before[key]?.[name]?.[field] ?? 0)),
    ),
  );
}

/**
 * @template {object} T
 * @template V
 * @param {T} object
 * @param {(value: T[keyof T], key: keyof T & string) => V} change
 * @returns {{ [K in keyof T]: V }}
 */
function mapValues(object, change) {
  const entries = Object.entries(object).map(([key, value]) => [
    key,
    change(value, /** @type {keyof T & string} */ (key)),
  ]);
  return /** @type {{ [K in keyof T]: V }} */ (Object.fromEntries(entries));
}
