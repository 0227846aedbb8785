// @ts-check
// The end of each example: tells where the spans went, and fails where that is wrong.

import { judge, markersOf } from './judge.mjs';

/** @typedef {import('./backends.mjs').Arrival} Arrival */

/**
 * Prints what arrived at each backend, and the verdict. The process exits with 1 where it is not flawless.
 *
 * @param {readonly Arrival[]} arrivals
 * @param {readonly import('./judge.mjs').Expectation[]} expectations
 * @param {(span: import('./backends.mjs').ReceivedSpan) => string} [nameOf]
 */
export function conclude(arrivals, expectations, nameOf) {
  printHoldings(arrivals);
  const verdict = judge(arrivals, expectations, nameOf);
  const { expected, atHome, elsewhere, nowhere, split, faults } = verdict;
  console.log(
    `\n${expected} spans were due: ${atHome} arrived where they belong, ${elsewhere} elsewhere, ${nowhere} nowhere; ${split} traces are split.`,
  );
  for (const [fault, count] of faults) console.log(`  ${count} x ${fault}`);
  const isFlawless = expected > 0 && atHome === expected && faults.size === 0 && split === 0;
  if (!isFlawless) process.exitCode = 1;
}

/** @param {readonly Arrival[]} arrivals */
function printHoldings(arrivals) {
  const markers = markersOf(arrivals.map(({ span }) => span));
  /** @type {Map<string, { backend: string, tenant: string, traces: Set<string>, spans: number }>} */
  const rows = new Map();
  for (const { backend, span } of arrivals) {
    const tenant = markers.get(span.traceId)?.replace(/-\d+$/, '') ?? '(none)';
    const row = rows.get(`${backend} ${tenant}`);
    const { traces, spans } = row ?? { traces: new Set(), spans: 0 };
    traces.add(span.traceId);
    rows.set(`${backend} ${tenant}`, { backend, tenant, traces, spans: spans + 1 });
  }
  console.log(`\n${'backend'.padEnd(16)}${'has spans of'.padEnd(16)}  traces   spans`);
  for (const [, { backend, tenant, traces, spans }] of [...rows].sort(([a], [b]) =>
    a < b ? -1 : 1,
  )) {
    const numbers = [traces.size, spans].map((number) => String(number).padStart(8)).join('');
    console.log(`${backend.padEnd(16)}${tenant.padEnd(16)}${numbers}`);
  }
}
