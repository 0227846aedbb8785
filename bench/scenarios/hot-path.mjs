// @ts-check

import { backendsLabel, told } from '../scenario.mjs';

/** What `onStart` and `onEnd` cost. @param {import('../scenario.mjs').Size} size @returns {import('../scenario.mjs').Scenario} */
export function hotPath(size) {
  const passes = size(150, 3);
  const counts = [1, 8, 64, 256].slice(0, size(4, 3));
  /** @type {Record<string, import('../scenario.mjs').Run>} */
  const runs = {};
  for (const backends of counts) {
    for (const subject of ['peer', 'unencoded']) {
      runs[`${subject} ${backends}`] = {
        script: 'hot-path.mjs',
        spec: { subject, backends, passes },
      };
    }
  }
  runs['unencoded 10000'] = {
    script: 'hot-path.mjs',
    spec: { subject: 'unencoded', backends: 10_000, active: 64, passes },
  };
  const alone = counts.map((count) => ({
    label: backendsLabel(count),
    unit: 'ns',
    peer: told(`peer ${count}`, 'nsPerSpan'),
    signalbox: told(`unencoded ${count}`, 'nsPerSpan'),
    plot: count === 64,
  }));
  const amongMany = {
    label: '10,000 backends of which 64 are active, against 64 alone',
    unit: 'ns',
    signalbox: told('unencoded 10000', 'nsPerSpan'),
    against: told('unencoded 64', 'nsPerSpan'),
    goal: 1.25,
  };
  return {
    name: 'hot-path',
    title: 'onStart and onEnd, without encoding',
    runs,
    rows: [...alone, amongMany],
  };
}
