// @ts-check

import { construction } from './scenarios/construction.mjs';
import { encoding } from './scenarios/encoding.mjs';
import { fanOut } from './scenarios/fan-out.mjs';
import { hotPath } from './scenarios/hot-path.mjs';
import { parents, shadow, share } from './scenarios/roles.mjs';
import { services } from './scenarios/service.mjs';
import { byNumberOfBackends, gzip, json, llm, million } from './scenarios/throughput.mjs';
import { flush, hangingNeighbour, slowReceiver } from './scenarios/trouble.mjs';
import { reroot, views } from './scenarios/views.mjs';

/** All scenarios, in the order of the table. @param {boolean} isQuick @returns {readonly import('./scenario.mjs').Scenario[]} */
export function createScenarios(isQuick) {
  /** @type {import('./scenario.mjs').Size} */
  const size = (full, quick) => (isQuick ? quick : full);
  return [
    hotPath(size),
    encoding(size),
    million(size),
    ...byNumberOfBackends(size),
    gzip(size),
    json(size),
    llm(size),
    fanOut(size),
    views(size),
    reroot(size),
    shadow(size),
    share(size),
    parents(size),
    slowReceiver(size),
    flush(size),
    hangingNeighbour(size),
    ...services(size),
    construction(),
  ];
}
