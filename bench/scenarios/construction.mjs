// @ts-check

import { row } from '../scenario.mjs';

/** What idle backends cost. @returns {import('../scenario.mjs').Scenario} */
export function construction() {
  /** @param {'peer' | 'signalbox'} subject @returns {import('../scenario.mjs').Run} */
  const run = (subject) => ({ script: 'construction.mjs', spec: { subject, backends: 10_000 } });
  return {
    name: 'construction',
    title: 'Constructing 10,000 backends, all idle',
    runs: { peer: run('peer'), signalbox: run('signalbox') },
    rows: [
      row('time', 'ms', 'constructionMs', { limit: 500 }),
      row('heap of each', 'KiB', 'heapKibPerBackend', { limit: 4 }),
    ],
  };
}
