// @ts-check
// As many spans as can be made, all of them delivered.

import { backendsLabel, loads, ownCpuRow, row } from '../scenario.mjs';

/** @typedef {import('../scenario.mjs').Scenario} Scenario */
/** @typedef {import('../scenario.mjs').Size} Size */

/** @param {Size} size @returns {Scenario} */
export function million(size) {
  const spans = size(1_000_000, 4_000);
  return {
    name: 'million',
    title: `${spans.toLocaleString('en')} spans, 8 backends, protobuf`,
    runs: loads({ spans }),
    rows: [
      ownCpuRow(),
      row('wall', 'ms', 'wallMs', { goal: 0.45, plot: true }),
      row('event-loop delay, p99', 'ms', 'eventLoopDelayP99Ms', { goal: 0.3, plot: true }),
      row('peak RSS', 'MB', 'peakRssMb'),
    ],
  };
}

/** @param {Size} size @returns {readonly Scenario[]} */
export function byNumberOfBackends(size) {
  // Fewer spans for the many: the peer asks every filter about every span.
  return [
    backendsScenario(1, { spans: size(400_000, 2_000) }),
    backendsScenario(8, { spans: size(400_000, 2_000) }, { goal: 0.28, plot: true }),
    backendsScenario(64, { spans: size(400_000, 2_000) }, { goal: 0.28, plot: true }, 0.7),
    backendsScenario(1_000, { spans: size(100_000, 1_000) }),
    backendsScenario(10_000, {
      active: 64,
      spans: size(40_000, 800),
      warmUpSpans: size(8_000, 200),
    }),
  ];
}

/**
 * @param {number} backends
 * @param {import('../scenario.mjs').LoadChoice & { spans: number }} choice
 * @param {Partial<import('../scenario.mjs').Row>} [cpu]
 * @param {number} [rssGoal]
 * @returns {Scenario}
 */
function backendsScenario(backends, choice, cpu, rssGoal) {
  const active = choice.active === undefined ? '' : `, ${choice.active} of them active`;
  return {
    name: `backends-${backends}`,
    title: `${backendsLabel(backends)}${active}, protobuf`,
    runs: loads({ backends, ...choice }),
    rows: [
      ownCpuRow(cpu),
      row(
        'peak RSS',
        'MB',
        'peakRssMb',
        rssGoal === undefined ? {} : { goal: rssGoal, plot: true },
      ),
    ],
  };
}

/** @param {Size} size @returns {Scenario} */
export function gzip(size) {
  return {
    name: 'gzip',
    title: '8 backends, protobuf, gzip, varied text',
    runs: loads({ compression: 'gzip', spans: size(200_000, 2_000) }),
    rows: [ownCpuRow({ goal: 0.4, plot: true }), row('wall', 'ms', 'wallMs')],
  };
}

/** @param {Size} size @returns {Scenario} */
export function json(size) {
  return {
    name: 'json',
    title: '8 backends, JSON',
    runs: loads({ protocol: 'http/json', spans: size(200_000, 2_000) }),
    rows: [ownCpuRow({ plot: true })],
  };
}

/** @param {Size} size @returns {Scenario} */
export function llm(size) {
  return {
    name: 'llm',
    title: 'Spans with prompts of 50,000 characters, 8 backends, protobuf',
    runs: loads({ shape: 'llm', spans: size(20_000, 200), warmUpSpans: size(1_600, 80) }),
    rows: [
      ownCpuRow({ plot: true }),
      row('event-loop delay, p99', 'ms', 'eventLoopDelayP99Ms'),
      row('peak RSS', 'MB', 'peakRssMb'),
    ],
  };
}
