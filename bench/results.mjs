// @ts-check
// From what the runs told to the lines of the table: medians, and medians of each round's ratio.

import { median } from './statistics.mjs';

/** @typedef {import('./scenario.mjs').Round} Round */

/**
 * @typedef {object} Result
 * @property {string} label
 * @property {string} unit
 * @property {number | null} peer
 * @property {number | null} signalbox `null` where this build could not be measured
 * @property {number | null} ratio the median of `ratios`
 * @property {number[]} ratios of each round: signalbox's number by that of the peer, or of what the label names
 * @property {number} [goal] most that the ratio should be
 * @property {number} [floor] least that the ratio should be, of what is the better the more of it there is
 * @property {number} [limit] most that signalbox's own number should be
 * @property {boolean} [met] whether it is reached; `undefined` where there is nothing to reach
 * @property {boolean} [plot]
 */

/** @typedef {{ name: string, title: string, rows: Result[] }} ScenarioResult */

/**
 * @typedef {object} Results
 * @property {string} date
 * @property {string} node
 * @property {number} cores
 * @property {number} rounds
 * @property {Record<string, string>} versions of the peer's packages
 * @property {ScenarioResult[]} scenarios
 */

/**
 * @param {import('./scenario.mjs').Scenario} scenario
 * @param {Round[]} rounds
 * @returns {ScenarioResult}
 */
export function summarize({ name, title, rows }, rounds) {
  return { name, title, rows: rows.map((row) => summarizeRow(row, rounds)) };
}

/** @param {import('./scenario.mjs').Row} row @param {Round[]} rounds @returns {Result} */
function summarizeRow(row, rounds) {
  const { label, unit, goal, floor, limit, plot } = row;
  /** @type {number[]} */
  const own = [];
  /** @type {number[]} */
  const ratios = [];
  for (const round of rounds) {
    const value = row.signalbox(round);
    if (value === undefined) continue;
    own.push(value);
    const compared = (row.against ?? row.peer)?.(round);
    // Nothing is a multiple of nothing: of losses, for one, there may be none.
    if (compared !== undefined && compared !== 0) ratios.push(value / compared);
  }
  const peers = row.peer === undefined ? [] : rounds.map(row.peer);
  const signalbox = medianOf(own);
  const ratio = medianOf(ratios);
  return {
    label,
    unit,
    peer: medianOf(peers),
    signalbox,
    ratio,
    ratios,
    ...(goal !== undefined && { goal, ...(ratio !== null && { met: ratio <= goal }) }),
    ...(floor !== undefined && { floor, ...(ratio !== null && { met: ratio >= floor }) }),
    ...(limit !== undefined && { limit, ...(signalbox !== null && { met: signalbox <= limit }) }),
    ...(plot === true && { plot }),
  };
}

/** @param {readonly number[]} values */
function medianOf(values) {
  return values.length === 0 ? null : median(values);
}
