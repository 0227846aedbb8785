// @ts-check
// Prints the migration, and ends with 1 where a number is not what it should be.

/** @typedef {import('./compare.mjs').Tally} Tally */

const HEADINGS = ['sent', 'at old', 'counted', 'at new', 'counted', 'alike', 'missing', 'split'];

export function createTable() {
  const sums = { due: 0, atHome: 0, elsewhere: 0, missing: 0, split: 0, faults: 0 };
  console.log(`\n${''.padEnd(14)}${HEADINGS.map((text) => text.padStart(8)).join('')}`);
  return {
    /**
     * @param {string} step
     * @param {string} route
     * @param {readonly Tally[]} tallies
     * @param {readonly string[]} faults of the step as a whole
     */
    add(step, route, tallies, faults) {
      console.log(`\n${step}: ${route}`);
      for (const tally of tallies) {
        const { tenant, sent, arrived, counted, alike, missing, split, due, elsewhere } = tally;
        const atBoth = [arrived.old, counted.old, arrived.new, counted.new];
        const cells = [sent, ...atBoth, alike, missing, split]
          .map((number) => String(number).padStart(8))
          .join('');
        console.log(`  ${tenant.padEnd(12)}${cells}`);
        sums.due += due;
        sums.atHome += arrived.old + arrived.new - elsewhere;
        sums.elsewhere += elsewhere;
        sums.missing += missing;
        sums.split += split;
      }
      const all = [...faults, ...tallies.flatMap((tally) => tally.faults)];
      sums.faults += all.length;
      for (const fault of new Set(all)) console.log(`  wrong: ${fault}`);
    },
    conclude() {
      const { due, atHome, elsewhere, missing, split, faults } = sums;
      console.log(
        `\n${due} spans were due: ${atHome} arrived where they belong, ${elsewhere} elsewhere, ${missing} nowhere; ${split} traces are split.`,
      );
      const isFlawless = due > 0 && atHome === due && missing + split + faults === 0;
      if (!isFlawless) process.exitCode = 1;
    },
  };
}
