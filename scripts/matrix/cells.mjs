// @ts-check
// What the suite is run with, and where it can not be.

/**
 * One combination of versions.
 *
 * @typedef {object} Cell
 * @property {number} node - Its major version.
 * @property {2 | 3} sdk - OpenTelemetry's.
 * @property {7 | 8} undici
 */

/** The majors of SDK and undici that each Node can have: SDK 3 needs 22.15, undici 8 needs 22.19. @type {Cell[]} */
export const cells = [
  { node: 20, sdk: 2, undici: 7 },
  ...[22, 24].flatMap((node) => [
    { node, sdk: /** @type {const} */ (2), undici: /** @type {const} */ (7) },
    { node, sdk: /** @type {const} */ (3), undici: /** @type {const} */ (7) },
    { node, sdk: /** @type {const} */ (2), undici: /** @type {const} */ (8) },
    { node, sdk: /** @type {const} */ (3), undici: /** @type {const} */ (8) },
  ]),
];

/** @param {Cell} cell */
export function nameOf({ node, sdk, undici }) {
  return `node${node}-sdk${sdk}-undici${undici}`;
}

const SDK3 = '^3.1.0';
const EXPERIMENTAL3 = '^0.301.0';

/** What `package.json` has otherwise under SDK 3; `undefined` is not installed. @type {Record<string, string | undefined>} */
const sdk3 = {
  '@opentelemetry/api': '>=1.10.0 <1.11.0',
  '@opentelemetry/auto-instrumentations-node': '^0.82.0',
  '@opentelemetry/context-async-hooks': SDK3,
  '@opentelemetry/core': SDK3,
  '@opentelemetry/exporter-trace-otlp-http': EXPERIMENTAL3,
  '@opentelemetry/exporter-trace-otlp-proto': EXPERIMENTAL3,
  '@opentelemetry/instrumentation': EXPERIMENTAL3,
  '@opentelemetry/instrumentation-express': '^0.72.0',
  '@opentelemetry/instrumentation-http': EXPERIMENTAL3,
  '@opentelemetry/instrumentation-undici': '^0.34.0',
  '@opentelemetry/otlp-transformer': EXPERIMENTAL3,
  '@opentelemetry/resources': SDK3,
  '@opentelemetry/sdk-metrics': SDK3,
  '@opentelemetry/sdk-node': EXPERIMENTAL3,
  '@opentelemetry/sdk-trace': SDK3,
  '@opentelemetry/sdk-trace-base': undefined,
  '@opentelemetry/sdk-trace-node': undefined,
  // It asks for sdk-trace-base, which takes no API 1.10.
  '@braintrust/otel': undefined,
};

/**
 * The versions that differ from those of `package.json`.
 *
 * @param {Pick<Cell, 'sdk' | 'undici'>} cell
 * @returns {Record<string, string | undefined>}
 */
export function versionsOf({ sdk, undici }) {
  return { ...(sdk === 3 && sdk3), ...(undici === 8 && { undici: '^8.0.0' }) };
}

/**
 * Files of the suite that can not run in a cell, each with the reason, which is none of signalbox's.
 *
 * @typedef {object} Exclusion
 * @property {string} file
 * @property {string} because
 * @property {(cell: Cell) => boolean} holds
 */

/** @type {Exclusion[]} */
export const exclusions = [
  {
    file: 'test/routing/ai-span.test.ts',
    because: 'compares with @braintrust/otel, which needs SDK 2',
    holds: ({ sdk }) => sdk === 3,
  },
  {
    file: 'test/transport/user-agent.test.ts',
    because: 'holds the name that signalbox sends against the exporter that package.json asks for',
    holds: ({ sdk }) => sdk === 3,
  },
];
