// @ts-check
// What the boundary, and all behind it, costs a service.

import { told } from '../scenario.mjs';

/** @typedef {import('../scenario.mjs').Row} Row */
/** @typedef {import('../scenario.mjs').Run} Run */
/** @typedef {import('../scenario.mjs').Scenario} Scenario */
/** @typedef {import('../scenario.mjs').Size} Size */

/**
 * V8 sizes the young generation by what survives while modules are loaded, and on the way decides which of an application's
 * objects it makes as old from then on. In so small a service that depends on a module more or less. An application of some
 * size has the full one.
 */
const FLAGS = ['--min-semi-space-size=16'];

/** @param {Size} size @returns {readonly Scenario[]} */
export function services(size) {
  return [service(size, 'express', 'Express'), service(size, 'fastify', 'Fastify')];
}

/**
 * @param {Size} size
 * @param {import('../service.mjs').ServiceOptions['framework']} framework
 * @param {string} title
 * @returns {Scenario}
 */
function service(size, framework, title) {
  /** @param {import('../service.mjs').ServiceOptions['subject']} subject @returns {Run} */
  const run = (subject) => ({
    script: 'service.mjs',
    flags: FLAGS,
    spec: {
      subject,
      framework,
      backends: 8,
      connections: 32,
      requests: size(40_000, 1_000),
      warmUpRequests: size(10_000, 500),
    },
  });
  const rate = { unit: '/s', signalbox: told('signalbox', 'requestsPerSecond') };
  return {
    name: framework,
    title: `A service in ${title}, against a no-op processor`,
    runs: { bare: run('bare'), noop: run('creation'), signalbox: run('signalbox') },
    rows: [
      {
        ...rate,
        label: 'requests',
        peer: told('noop', 'requestsPerSecond'),
        floor: 0.95,
        plot: true,
      },
      {
        ...rate,
        label: 'requests, against none of the telemetry',
        against: told('bare', 'requestsPerSecond'),
      },
      {
        label: 'CPU per request',
        unit: 'µs',
        peer: told('noop', 'cpuUsPerRequest'),
        signalbox: told('signalbox', 'cpuUsPerRequest'),
      },
    ],
  };
}
