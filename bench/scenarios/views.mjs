// @ts-check
// What it costs that a backend sees something else than the span as it is, each time against the same without.

import { load, ownCpuUs } from '../scenario.mjs';

/** @typedef {import('../scenario.mjs').Scenario} Scenario */
/** @typedef {import('../scenario.mjs').Size} Size */

const CPU = 'CPU per span, less its creation, against none';

/**
 * Of two backends that get every span one sees it as it is. The hashed attribute has 3 characters, the truncated one 300.
 *
 * @type {Record<string, import('signalbox').BackendConfig>}
 */
const VIEWS = {
  'FILTER=ai, a quarter of the spans': { filter: 'ai' },
  'DROP_ATTRIBUTES=db.*': { dropAttributes: ['db.*'] },
  'HASH_ATTRIBUTES=tenant.id': {
    hashAttributes: ['tenant.id'],
    hashKey: 'a key of thirty-two bytes or more',
  },
  'TRUNCATE_ATTRIBUTES=db.query.text=100': { truncateAttributes: { 'db.query.text': 100 } },
};

/** @param {Size} size @returns {Scenario} */
export function views(size) {
  /** @type {import('../scenario.mjs').LoadChoice & { spans: number }} */
  const choice = { backends: 2, spans: size(200_000, 2_000), fanOut: true, shape: 'mixed' };
  /** @type {Record<string, import('../scenario.mjs').Run>} */
  const runs = { creation: load('creation', choice), none: load('signalbox', choice) };
  for (const [name, view] of Object.entries(VIEWS)) {
    runs[name] = load('signalbox', { ...choice, settings: { b1: view } });
  }
  return {
    name: 'views',
    title: 'Every span to 2 backends, of which one sees less of it, protobuf',
    runs,
    rows: Object.keys(VIEWS).map((name) => against(`${name}, ${CPU}`, name, 'none')),
  };
}

/** @param {Size} size @returns {Scenario} */
export function reroot(size) {
  /** @type {import('../scenario.mjs').LoadChoice & { spans: number }} */
  const choice = { backends: 2, spans: size(200_000, 2_000), nested: true };
  return {
    name: 'reroot',
    title: 'Traces whose children a nested key sends to another backend than their root, protobuf',
    runs: {
      creation: load('creation', choice),
      none: load('signalbox', choice),
      reroot: load('signalbox', { ...choice, settings: { b1: { reroot: true } } }),
    },
    rows: [against(`REROOT=true, 7 of 8 spans become roots, ${CPU}`, 'reroot', 'none')],
  };
}

/** A row of what a run's spans cost, against those of another. @param {string} label @param {string} run @param {string} without @returns {import('../scenario.mjs').Row} */
export function against(label, run, without) {
  return { label, unit: 'µs', signalbox: ownCpuUs(run), against: ownCpuUs(without) };
}
