// @ts-check
// Runs a scenario: all its runs in turn, several rounds of it, so that whatever else the machine does meanwhile
// falls on all alike.

import { measure } from './children.mjs';

/** @typedef {import('./load.mjs').LoadResult} LoadResult */
/** @typedef {import('./services.mjs').ServicesResult} ServicesResult */
/** @typedef {import('./scenario.mjs').Run} Run */

/** The scripts that deliver spans to the receiver. @type {readonly Run['script'][]} */
const DELIVERING = ['load.mjs', 'services.mjs'];

/**
 * What came of one run: what its process told, and for a run over the wire what the receiver saw.
 *
 * @typedef {Record<string, number>} Measured
 */

/**
 * Spans of one backend of which not each arrived once.
 *
 * @typedef {object} Loss
 * @property {string} run
 * @property {string} backend
 * @property {number} sent
 * @property {number} delivered
 * @property {unknown} stats what the subject says of that backend
 */

/**
 * @param {import('./scenario.mjs').Scenario} scenario
 * @param {{ rounds: number, receiver: import('./children.mjs').Receiver, onRun: (name: string) => void }} options
 * @returns {Promise<{ rounds: Record<string, Measured>[], losses: Loss[] }>} losses of runs that may have none
 */
export async function runRounds(scenario, { rounds, receiver, onRun }) {
  const measured = [];
  /** @type {Loss[]} */
  const losses = [];
  for (let round = 0; round < rounds; round += 1) {
    /** @type {Record<string, Measured>} */
    const each = {};
    for (const [name, run] of Object.entries(scenario.runs)) {
      onRun(`${scenario.name}, round ${round + 1} of ${rounds}: ${name}`);
      if (!DELIVERING.includes(run.script)) {
        each[name] = /** @type {Measured} */ (await measure(run.script, run.spec, run.flags));
        continue;
      }
      const { values, differing } = await runDelivering(run, receiver);
      each[name] = values;
      for (const loss of differing) {
        if (run.mayLose === 'any' || run.mayLose?.includes(loss.backend)) continue;
        losses.push({ run: `${scenario.name}: ${name}`, ...loss });
      }
    }
    measured.push(each);
  }
  return { rounds: measured, losses };
}

/** @param {Run} run @param {import('./children.mjs').Receiver} receiver */
async function runDelivering(run, receiver) {
  await receiver.reset(run.behaviour ?? {});
  const spec = { ...run.spec, receiverUrl: receiver.url };
  const result = /** @type {LoadResult | ServicesResult} */ (
    await measure(run.script, spec, run.flags)
  );
  const { sent, stats, ...values } = result;
  const report = await receiver.report();
  const differing = [];
  let lost = 0;
  // Of either: what arrives where nothing was sent is not what was sent.
  for (const backend of Object.keys({ ...sent, ...report.spans })) {
    const counts = { sent: sent[backend] ?? 0, delivered: report.spans[backend] ?? 0 };
    lost += counts.sent - counts.delivered;
    if (counts.sent !== counts.delivered) {
      differing.push({ backend, ...counts, stats: stats?.backends[backend] });
    }
  }
  return {
    values: { ...values, lost, deliveryP99Ms: report.deliveryP99Ms.b0 ?? Number.NaN },
    differing,
  };
}
