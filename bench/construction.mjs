// @ts-check
// What backends cost before their first span: the time to construct them, and the heap that they keep.
//
//   node --expose-gc construction.mjs '{ "subject": "signalbox", "backends": 10000 }'

/**
 * @typedef {object} ConstructionSpec
 * @property {'peer' | 'signalbox'} subject
 * @property {number} backends
 */

/** @typedef {{ constructionMs: number, heapKibPerBackend: number }} ConstructionResult */

/** @type {ConstructionSpec} */
const spec = JSON.parse(process.argv[2] ?? '');
/** @type {{ createSubject: (setup: import('./subjects/subject.mjs').Setup) => import('./subjects/subject.mjs').Subject }} */
const { createSubject } = await import(`./subjects/${spec.subject}.mjs`);
/** Nobody is asked for anything there. */
const receiverUrl = 'http://127.0.0.1:4318';

function heapUsed() {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

// What is loaded or compiled once is no backend's cost.
const kept = [createSubject({ backends: 1, receiverUrl })];
const heapBefore = heapUsed();
const startedAtMs = performance.now();
kept.push(createSubject({ backends: spec.backends, receiverUrl }));
const constructionMs = performance.now() - startedAtMs;
const heapAfter = heapUsed();

/** @type {ConstructionResult} */
const result = {
  constructionMs,
  heapKibPerBackend: (heapAfter - heapBefore) / 1_024 / spec.backends,
};
// Sent together with its number: until here the subjects are in use, and so not collected.
process.send?.({ ...result, subjects: kept.length }, () => process.exit());
