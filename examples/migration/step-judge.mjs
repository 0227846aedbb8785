// @ts-check
// Judges a step as a whole: which conversations are at the new backend.

/** @typedef {import('./compare.mjs').Due} Due */
/** @typedef {import('./compare.mjs').Tally} Tally */
/** @typedef {import('./steps.mjs').Step} Step */

/**
 * What happened in a step.
 *
 * @typedef {object} Traffic
 * @property {readonly Due[]} requests all of them
 * @property {readonly Due[]} conversations those that go on in a trace of the steps before
 * @property {readonly Due[]} handedBack those that were sent when the new one was up again after it had failed
 * @property {readonly import('../check/backends.mjs').Arrival[]} arrivals
 * @property {readonly Tally[]} tallies one for each tenant
 */

/** Creates the judge of all steps, one after the other; it returns what is wrong. */
export function createStepJudge() {
  /** The conversations that the new backend has, as no shadow. @type {Set<string>} */
  let moved = new Set();

  /** @param {Step} step @param {Traffic} traffic */
  return (step, { requests, conversations, handedBack, arrivals, tallies }) => {
    const known = new Set(requests.map(({ traceId }) => traceId));
    const strays = arrivals.filter(({ span }) => !known.has(span.traceId)).length;
    const faults = strays === 0 ? [] : [`${strays} spans are of no request of this step`];

    const reached = new Set(tallies.flatMap(({ atNew }) => [...atNew]));
    const atNew = conversations.flatMap(({ traceId }) => (reached.has(traceId) ? [traceId] : []));
    const notBack = handedBack.filter(({ traceId }) => !reached.has(traceId)).length;
    if (notBack > 0) faults.push(`${notBack} requests were not handed back`);

    const isTakenOver = step.newRefuses === 'until the standby has all';
    const expected = isTakenOver ? 0 : shareOfNew(step);
    // A share is one of traces, by a hash: it is met as closely as by so many draws. Within four deviations.
    const margin = 4 * Math.sqrt((expected * (1 - expected)) / conversations.length);
    const actual = atNew.length / conversations.length;
    if (Math.abs(actual - expected) > margin) {
      faults.push(`${(100 * actual).toFixed(1)}% of the conversations are at the new one`);
    }

    const isShadow = roleOfNew(step) === 'shadow';
    if (isShadow || isTakenOver) return faults;
    const now = new Set(atNew);
    const returned = [...moved].filter((traceId) => !now.has(traceId)).length;
    if (returned > 0) faults.push(`${returned} conversations are at the old one again`);
    moved = now;
    return faults;
  };
}

/** @param {Step} step */
function roleOfNew({ route }) {
  return route.find(({ backend }) => backend === 'new')?.role;
}

/** The part of the traces that the new backend is to have, be it as a shadow. @param {Step} step */
function shareOfNew({ route }) {
  const target = route.find(({ backend }) => backend === 'new');
  return target === undefined ? 0 : Number.parseFloat(target.share ?? '100%') / 100;
}
