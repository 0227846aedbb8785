// @ts-check
// What a scenario is, and what scenarios are put together from.

/**
 * One measured run: a script of this folder in a process of its own, and what it is given.
 *
 * @typedef {object} Run
 * @property {'load.mjs' | 'services.mjs' | 'hot-path.mjs' | 'construction.mjs' | 'serializers.mjs'} script
 * @property {object} spec
 * @property {readonly string[]} [flags] of its Node process
 * @property {import('./receiver.mjs').Behaviour} [behaviour] of the receiver
 * @property {'any' | readonly string[]} [mayLose] the backends where a lost span is no failure; none by default
 */

/** What the runs of one round came to, by the runs' names. @typedef {Record<string, Record<string, number>>} Round */

/**
 * One line of the result, each number made from one round.
 *
 * @typedef {object} Row
 * @property {string} label
 * @property {string} unit
 * @property {(round: Round) => number | undefined} signalbox `undefined` where this build can not be measured
 * @property {(round: Round) => number} [peer]
 * @property {(round: Round) => number} [against] what signalbox is compared with, where it is not the peer
 * @property {number} [goal] most that the ratio should be
 * @property {number} [floor] least that the ratio should be, of what is the better the more of it there is
 * @property {number} [limit] most that signalbox's own number should be
 * @property {boolean} [plot] whether the plot shows it
 */

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} title
 * @property {Record<string, Run>} runs one after the other in each round
 * @property {readonly Row[]} rows
 */

/**
 * Chooses between the size of a measurement, and one at which a run takes less than a second, to see that it works.
 *
 * @typedef {(full: number, quick: number) => number} Size
 */

/** @typedef {import('./load.mjs').LoadSpec} LoadSpec */
/** @typedef {Partial<Omit<LoadSpec, 'subject' | 'receiverUrl'>>} LoadChoice */

/**
 * A run over the wire. What the peer loses is a result, what signalbox loses is a failure, and of what is only
 * created nothing arrives.
 *
 * @param {LoadSpec['subject']} subject
 * @param {LoadChoice & { spans: number }} choice 8 backends, a tenth for the warm-up (2,000 at least, half at most) and ample queues if it says nothing else
 * @param {Pick<Run, 'behaviour' | 'mayLose'>} [circumstances]
 * @returns {Run}
 */
export function load(subject, choice, circumstances) {
  /** @type {Run} */
  const run = {
    script: 'load.mjs',
    spec: {
      subject,
      backends: 8,
      warmUpSpans: Math.min(choice.spans / 2, Math.max(2_000, choice.spans / 10)),
      queues: 'ample',
      ...choice,
    },
    ...circumstances,
  };
  return subject === 'signalbox' ? run : { ...run, mayLose: 'any' };
}

/**
 * The creation of the spans alone, the peer, and signalbox.
 *
 * @param {LoadChoice & { spans: number }} choice
 * @returns {Record<string, Run>}
 */
export function loads(choice) {
  return {
    creation: load('creation', choice),
    peer: load('peer', choice),
    signalbox: load('signalbox', choice),
  };
}

/**
 * A row of what the runs `peer` and `signalbox` told under `key`.
 *
 * @param {string} label
 * @param {string} unit
 * @param {string} key
 * @param {Partial<Row>} [rest]
 * @returns {Row}
 */
export function row(label, unit, key, rest) {
  return {
    label,
    unit,
    peer: told('peer', key),
    signalbox: told('signalbox', key),
    ...rest,
  };
}

/** A row of the CPU that the runs `peer` and `signalbox` took for each span. @param {Partial<Row>} [rest] @returns {Row} */
export function ownCpuRow(rest) {
  return {
    label: 'CPU per delivered span, less its creation',
    unit: 'µs',
    peer: ownCpuUs('peer'),
    signalbox: ownCpuUs('signalbox'),
    ...rest,
  };
}

/** @param {string} run @param {string} key @returns {(round: Round) => number} */
export function told(run, key) {
  return (round) => {
    const value = round[run]?.[key];
    if (value === undefined) throw new Error(`the run ${run} told nothing of ${key}`);
    return value;
  };
}

/**
 * Microseconds of CPU for each span that arrived, beyond what it took to create one.
 *
 * @param {string} run
 * @returns {(round: Round) => number}
 */
export function ownCpuUs(run) {
  return (round) => {
    const created = told('creation', 'cpuMs')(round) / told('creation', 'spans')(round);
    const delivered = told(run, 'spans')(round) - told(run, 'lost')(round);
    return (told(run, 'cpuMs')(round) / delivered - created) * 1_000;
  };
}

/** @param {number} count */
export function backendsLabel(count) {
  return `${count.toLocaleString('en')} ${count === 1 ? 'backend' : 'backends'}`;
}
