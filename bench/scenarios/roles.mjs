// @ts-check
// What it costs that a route has a shadow or a share, or that its key has a parent of its own, each time against the same
// without.

import { load } from '../scenario.mjs';
import { backendName } from '../subjects/subject.mjs';
import { against } from './views.mjs';

/** @typedef {import('../scenario.mjs').Scenario} Scenario */
/** @typedef {import('../scenario.mjs').Size} Size */
/** @typedef {import('../scenario.mjs').LoadChoice & { spans: number }} Choice */

const CPU = 'CPU per span, less its creation, against';
const [FIRST, SECOND] = [backendName(0), backendName(1)];
const PARENTS = 8;

/** @param {Size} size @returns {Scenario} */
export function shadow(size) {
  /** @type {Choice} */
  const choice = { backends: 2, spans: size(200_000, 2_000) };
  return {
    name: 'shadow',
    title: 'Every span to 2 backends, of which one is a shadow, protobuf',
    runs: {
      creation: load('creation', choice),
      none: load('signalbox', { ...choice, routes: { all: [FIRST, SECOND] } }),
      shadow: load('signalbox', {
        ...choice,
        routes: { all: [FIRST, { backend: SECOND, role: 'shadow' }] },
      }),
    },
    rows: [against(`role: shadow, ${CPU} none`, 'shadow', 'none')],
  };
}

/** @param {Size} size @returns {Scenario} */
export function share(size) {
  /** @type {Choice} */
  const choice = { backends: 2, spans: size(200_000, 2_000) };
  const half = [FIRST, SECOND].map((backend) => ({ backend, share: '50%' }));
  return {
    name: 'share',
    title: 'Every trace to one of 2 backends, by its key or by a share, protobuf',
    runs: {
      creation: load('creation', choice),
      none: load('signalbox', { ...choice, routes: { one: [FIRST], other: [SECOND] } }),
      share: load('signalbox', { ...choice, routes: { one: half, other: half } }),
    },
    rows: [against(`share: 50%, ${CPU} by key`, 'share', 'none')],
  };
}

/** @param {Size} size @returns {Scenario} */
export function parents(size) {
  const keys = Array.from({ length: PARENTS }, (_, index) => `tenant-${index}`);
  /** @type {Choice} */
  const choice = {
    backends: 1,
    spans: size(200_000, 4_000),
    routes: Object.fromEntries(keys.map((key) => [key, [FIRST]])),
    settings: { [FIRST]: { preset: 'braintrust', apiKey: 'key', parent: 'project_name:bench' } },
  };
  const routeParents = Object.fromEntries(keys.map((key) => [key, `project_name:${key}`]));
  return {
    name: 'route-parents',
    title: `${PARENTS} route keys to one Braintrust backend, protobuf`,
    runs: {
      creation: load('creation', choice),
      none: load('signalbox', choice),
      parents: load('signalbox', { ...choice, routeParents }),
    },
    rows: [against(`ROUTE_PARENTS, one for each key, ${CPU} none`, 'parents', 'none')],
  };
}
