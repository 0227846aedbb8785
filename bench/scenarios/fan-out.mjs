// @ts-check

import { load, ownCpuUs } from '../scenario.mjs';

const COUNTS = [1, 2, 4];
const CPU = 'CPU per span, less its creation';

/** Every span to several backends. @param {import('../scenario.mjs').Size} size @returns {import('../scenario.mjs').Scenario} */
export function fanOut(size) {
  const spans = size(200_000, 2_000);
  /** @type {Record<string, import('../scenario.mjs').Run>} */
  const runs = { creation: load('creation', { spans }) };
  for (const backends of COUNTS) {
    const choice = { backends, spans, fanOut: true };
    runs[`peer ${backends}`] = load('peer', choice);
    runs[`signalbox ${backends}`] = load('signalbox', choice);
  }
  const signalbox = ownCpuUs('signalbox 2');
  return {
    name: 'fan-out',
    title: 'Every span to several backends, protobuf',
    runs,
    rows: [
      { label: `2 backends, ${CPU}`, unit: 'µs', peer: ownCpuUs('peer 2'), signalbox, plot: true },
      {
        label: `4 backends, ${CPU}`,
        unit: 'µs',
        peer: ownCpuUs('peer 4'),
        signalbox: ownCpuUs('signalbox 4'),
      },
      {
        label: `2 backends, ${CPU}, against its own with one`,
        unit: 'µs',
        signalbox,
        against: ownCpuUs('signalbox 1'),
        goal: 1.25,
      },
    ],
  };
}
