// @ts-check
// Draws docs/bench.svg from results.json: for each chosen row a bar for the peer, and one for signalbox.
//
//   node bench/plot.mjs [results.json [bench.svg]]

import { readFileSync, writeFileSync } from 'node:fs';
import { formatValue } from './table.mjs';

const [from = new URL('results.json', import.meta.url)] = process.argv.slice(2);
const [, to = new URL('../docs/bench.svg', import.meta.url)] = process.argv.slice(2);

// Of middling lightness, since the page behind them may be white or nearly black.
const TEXT = '#6e7f90';
const PEER = '#98a5b3';
const SIGNALBOX = '#2f86d6';

const WIDTH = 900;
const LABEL_WIDTH = 440;
const BAR_LEFT = LABEL_WIDTH + 12;
const BAR_WIDTH = 340;
const BAR_HEIGHT = 9;
const ROW_HEIGHT = 36;
const TOP = 44;

/** @type {import('./results.mjs').Results} */
const results = JSON.parse(readFileSync(from, 'utf8'));
const rows = results.scenarios.flatMap(({ title, rows }) =>
  rows.filter(({ plot }) => plot === true).map((row) => ({ title, ...row })),
);
writeFileSync(to, draw(rows));

/** @param {readonly (import('./results.mjs').Result & { title: string })[]} rows */
function draw(rows) {
  const drawn = rows.filter(({ peer, signalbox }) => peer !== null && signalbox !== null);
  const height = TOP + drawn.length * ROW_HEIGHT;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title" font-family="system-ui, sans-serif" font-size="12" fill="${TEXT}">
<title id="title">What a span costs with the peer and with signalbox; shorter is better</title>
${legend()}
${drawn.map(drawRow).join('\n')}
</svg>
`;
}

function legend() {
  return [
    `<rect x="${BAR_LEFT}" y="10" width="12" height="${BAR_HEIGHT}" fill="${PEER}"/>`,
    `<text x="${BAR_LEFT + 18}" y="19">peer</text>`,
    `<rect x="${BAR_LEFT + 64}" y="10" width="12" height="${BAR_HEIGHT}" fill="${SIGNALBOX}"/>`,
    `<text x="${BAR_LEFT + 82}" y="19">signalbox</text>`,
    `<text x="${LABEL_WIDTH}" y="19" text-anchor="end">shorter is better</text>`,
  ].join('\n');
}

/** @param {import('./results.mjs').Result & { title: string }} row @param {number} index */
function drawRow({ title, label, unit, peer, signalbox, floor }, index) {
  const top = TOP + index * ROW_HEIGHT;
  const better = floor === undefined ? '' : ': longer is better';
  const longest = Math.max(peer ?? 0, signalbox ?? 0, Number.MIN_VALUE);
  return [
    `<text x="${LABEL_WIDTH}" y="${top + 9}" text-anchor="end" font-weight="600">${escapeText(title)}</text>`,
    `<text x="${LABEL_WIDTH}" y="${top + 23}" text-anchor="end">${escapeText(label)}${better}</text>`,
    bar(top, peer ?? 0, PEER),
    bar(top + BAR_HEIGHT + 4, signalbox ?? 0, SIGNALBOX),
  ].join('\n');

  /** @param {number} y @param {number} value @param {string} colour */
  function bar(y, value, colour) {
    const width = Math.max(1, Math.round((value / longest) * BAR_WIDTH));
    return [
      `<rect x="${BAR_LEFT}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="1" fill="${colour}"/>`,
      `<text x="${BAR_LEFT + width + 6}" y="${y + 9}">${escapeText(formatValue(value, unit))}</text>`,
    ].join('\n');
  }
}

/** @param {string} text */
function escapeText(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
