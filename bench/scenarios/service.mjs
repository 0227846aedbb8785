// @ts-check
// What the boundary, and all behind it, costs a service.

import { told } from '../scenario.mjs';

/** @typedef {import('../scenario.mjs').Row} Row */
/** @typedef {import('../scenario.mjs').Run} Run */
/** @typedef {import('../scenario.mjs').Scenario} Scenario */
/** @typedef {import('../scenario.mjs').Size} Size */

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
  /** @type {Run} */
  const services = {
    script: 'services.mjs',
    spec: {
      framework,
      backends: 8,
      connections: 32,
      turns: size(10, 1),
      requests: size(6_000, 500),
    },
  };
  const rate = { unit: '/s', signalbox: told('services', 'perSecondSignalbox') };
  return {
    name: framework,
    title: `A service in ${title}, against a no-op processor`,
    runs: { services },
    rows: [
      {
        ...rate,
        label: 'requests',
        peer: told('services', 'perSecondNoop'),
        floor: 0.95,
        plot: true,
      },
      {
        ...rate,
        label: 'requests, against none of the telemetry',
        against: told('services', 'perSecondBare'),
      },
      {
        label: 'CPU per request',
        unit: 'µs',
        peer: told('services', 'cpuUsNoop'),
        signalbox: told('services', 'cpuUsSignalbox'),
      },
    ],
  };
}
