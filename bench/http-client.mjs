// @ts-check
// The client of service.mjs, in a process of its own: many keep-alive connections, each with one request at a time.
//
//   node http-client.mjs '{ "url": "http://127.0.0.1:3000", ... }'

import autocannon from 'autocannon';

/**
 * @typedef {object} ClientSpec
 * @property {string} url
 * @property {number} connections
 * @property {string} tenantHeader that names the request's tenant
 * @property {readonly string[]} tenants each connection asks for them in turn, and for each equally often
 * @property {number} requests a multiple of the connections and the tenants
 * @property {number} warmUpRequests the first of them, which are not measured
 */

/**
 * That the warm-up is over, or that the last answer has come, so many seconds after it.
 *
 * @typedef {{ type: 'warm' } | { type: 'done', seconds: number }} ClientMessage
 */

/** Far more than any answer takes: autocannon's own 10 s could be passed on a busy machine. */
const TIMEOUT_SECONDS = 300;

/** @type {ClientSpec} */
const spec = JSON.parse(process.argv[2] ?? '');
const requests = spec.tenants.map((tenant) => ({ headers: { [spec.tenantHeader]: tenant } }));
let clients = 0;
let answers = 0;
let warmAtMs = performance.now();

/** @param {ClientMessage} message */
function tell(message) {
  process.send?.(message);
}

function onAnswer() {
  answers += 1;
  if (answers === spec.warmUpRequests) {
    warmAtMs = performance.now();
    tell({ type: 'warm' });
  } else if (answers === spec.requests) {
    tell({ type: 'done', seconds: (performance.now() - warmAtMs) / 1_000 });
  }
}

const result = await autocannon({
  url: spec.url,
  connections: spec.connections,
  amount: spec.requests,
  timeout: TIMEOUT_SECONDS,
  // How soon it notices that it is done.
  sampleInt: 50,
  setupClient(client) {
    // Not all with the same one: queues that all fill at the same moment would be a worst case.
    const first = clients % requests.length;
    clients += 1;
    client.on('response', onAnswer);
    client.setRequests([...requests.slice(first), ...requests.slice(0, first)]);
  },
});
if (result['2xx'] !== spec.requests || result.errors > 0) {
  const { errors, timeouts, non2xx } = result;
  throw new Error(`not all was answered: ${JSON.stringify({ answers, errors, timeouts, non2xx })}`);
}
process.disconnect();
