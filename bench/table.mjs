// @ts-check
// The results as a table in Markdown, which is readable in a terminal too.

/** @typedef {import('./results.mjs').Result} Result */

const HEADER = ['', 'peer', 'signalbox', 'ratio', 'goal'];

/**
 * @param {readonly import('./results.mjs').ScenarioResult[]} scenarios
 * @returns {string} without a line break at its end
 */
export function formatTable(scenarios) {
  const lines = [HEADER];
  for (const { title, rows } of scenarios) {
    lines.push([`**${title}**`, '', '', '', '']);
    for (const row of rows) lines.push(cellsOf(row));
  }
  const widths = HEADER.map((_, column) =>
    Math.max(3, ...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [lines[0] ?? [], rule, ...lines.slice(1)]
    .map((cells) => {
      const padded = cells.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      );
      return `| ${padded.join(' | ')} |`;
    })
    .join('\n');
}

/** @param {Result} row */
function cellsOf(row) {
  const { label, unit, peer, signalbox, ratio } = row;
  return [
    label,
    formatValue(peer, unit),
    signalbox === null ? 'not in this build' : formatValue(signalbox, unit),
    formatRatio(ratio, row.ratios),
    formatGoal(row),
  ];
}

/** @param {Result} row */
function formatGoal({ unit, goal, floor, limit, met }) {
  const mark = met === undefined ? '' : met ? ' ✓' : ' ✗';
  if (goal !== undefined) return `≤ ${formatNumber(goal)}${mark}`;
  if (floor !== undefined) return `≥ ${formatNumber(floor)}${mark}`;
  return limit === undefined ? '' : `≤ ${formatValue(limit, unit)}${mark}`;
}

/** The median, and how far the rounds lie apart. @param {number | null} ratio @param {readonly number[]} ratios */
function formatRatio(ratio, ratios) {
  if (ratio === null) return '';
  if (ratios.length === 1) return ratio.toFixed(2);
  const spread = [Math.min(...ratios), Math.max(...ratios)].map((each) => each.toFixed(2));
  return `${ratio.toFixed(2)} (${spread.join('–')})`;
}

/** @param {number | null} value @param {string} unit */
export function formatValue(value, unit) {
  if (value === null) return '';
  const number = formatNumber(value);
  return unit === '' ? number : `${number} ${unit}`;
}

/** Three digits: more would be noise. @param {number} value */
function formatNumber(value) {
  return value.toLocaleString('en', { maximumSignificantDigits: 3 });
}
