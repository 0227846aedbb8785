// @ts-check
// Receivers that are slow, and one that hangs.

import { load, row, told } from '../scenario.mjs';

/** @typedef {import('../scenario.mjs').Scenario} Scenario */
/** @typedef {import('../scenario.mjs').Size} Size */
/** @typedef {import('../scenario.mjs').LoadChoice & { spans: number }} Choice */

const SLOW = { behaviour: { delayMs: 50 } };

/** @param {Size} size @returns {Scenario} */
export function slowReceiver(size) {
  /** @type {Choice} */
  const choice = {
    backends: 1,
    spans: size(60_000, 6_000),
    warmUpSpans: 800,
    pace: 20_000,
    queues: 'default',
  };
  return {
    name: 'slow-receiver',
    title: `A receiver that takes 50 ms, ${choice.spans.toLocaleString('en')} spans at 20,000 a second, default queues`,
    runs: { peer: load('peer', choice, SLOW), signalbox: load('signalbox', choice, SLOW) },
    rows: [row('spans lost', '', 'lost', { limit: 0 })],
  };
}

/** @param {Size} size @returns {Scenario} */
export function flush(size) {
  /** @type {Choice} */
  const choice = { spans: size(200_000, 6_000), warmUpSpans: size(40_000, 800), pace: 'held' };
  return {
    name: 'flush',
    title: `forceFlush of ${choice.spans.toLocaleString('en')} queued spans, a receiver that takes 50 ms`,
    runs: {
      'peer as it comes': load('peer', { ...choice, queues: 'default' }, SLOW),
      peer: load('peer', choice, SLOW),
      signalbox: load('signalbox', choice, SLOW),
    },
    rows: [
      row('spans lost (the peer with its default queues)', '', 'lost', {
        peer: told('peer as it comes', 'lost'),
        limit: 0,
      }),
      row('longest stall of the event loop (queues that hold them all)', 'ms', 'flushStallMs', {
        limit: 20,
        plot: true,
      }),
    ],
  };
}

/** @param {Size} size @returns {Scenario} */
export function hangingNeighbour(size) {
  /** @type {Choice} */
  const choice = {
    backends: 2,
    spans: size(60_000, 3_000),
    // The receiver leaves out the first tenth of what arrives instead.
    warmUpSpans: 0,
    pace: 10_000,
    shape: 'stamped',
    // Short, or the wait for a batch to fill would hide any other.
    scheduleDelayMs: 50,
    queues: 'default',
    // A budget that the hanging backend uses up within the run: that must cost the other nothing.
    maxBufferedBytes: 16 * 1_024 ** 2,
  };
  const hanging = ['b1'];
  const beside = { ...choice, hanging };
  const healthy = { behaviour: { stamped: true } };
  const sick = { behaviour: { stamped: true, hanging }, mayLose: hanging };
  return {
    name: 'hanging-neighbour',
    title:
      'From a span’s end to its arrival at a healthy backend (p99), 5,000 spans a second to each of two',
    runs: {
      'peer alone': load('peer', choice, healthy),
      'peer beside': load('peer', beside, sick),
      'signalbox alone': load('signalbox', choice, healthy),
      'signalbox beside': load('signalbox', beside, sick),
    },
    rows: [
      {
        label: 'the neighbour is healthy',
        unit: 'ms',
        peer: told('peer alone', 'deliveryP99Ms'),
        signalbox: told('signalbox alone', 'deliveryP99Ms'),
      },
      {
        label: 'the neighbour hangs',
        unit: 'ms',
        peer: told('peer beside', 'deliveryP99Ms'),
        signalbox: told('signalbox beside', 'deliveryP99Ms'),
      },
      {
        label: 'the neighbour hangs, against its own with a healthy one',
        unit: 'ms',
        signalbox: told('signalbox beside', 'deliveryP99Ms'),
        against: told('signalbox alone', 'deliveryP99Ms'),
        goal: 1.2,
      },
    ],
  };
}
