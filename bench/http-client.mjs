// @ts-check
// The client of services.mjs, in a process of its own: many keep-alive connections, each with one request at a time.
// For each message that it gets it sends so many requests, says how long their answers took, and ends with its parent.

import autocannon from 'autocannon';

/**
 * @typedef {object} ClientTask
 * @property {string} url
 * @property {number} connections
 * @property {string} tenantHeader that names the request's tenant
 * @property {readonly string[]} tenants each connection asks for them in turn, and for each equally often
 * @property {number} requests a multiple of the connections and the tenants
 */

/** What it answers. @typedef {{ seconds: number }} ClientAnswer */

/** Far more than any answer takes: autocannon's own 10 s could be passed on a busy machine. */
const TIMEOUT_SECONDS = 300;

/** @param {ClientTask} task @returns {Promise<ClientAnswer>} */
async function run(task) {
  const requests = task.tenants.map((tenant) => ({ headers: { [task.tenantHeader]: tenant } }));
  let clients = 0;
  let answers = 0;
  let lastAtMs = 0;
  const startedAtMs = performance.now();
  const result = await autocannon({
    url: task.url,
    connections: task.connections,
    amount: task.requests,
    timeout: TIMEOUT_SECONDS,
    // How soon it notices that it is done.
    sampleInt: 20,
    setupClient(client) {
      // Not all with the same one: queues that all fill at the same moment would be a worst case.
      const first = clients % requests.length;
      clients += 1;
      client.on('response', () => {
        answers += 1;
        if (answers === task.requests) lastAtMs = performance.now();
      });
      client.setRequests([...requests.slice(first), ...requests.slice(0, first)]);
    },
  });
  if (result['2xx'] !== task.requests || result.errors > 0) {
    const { errors, timeouts, non2xx } = result;
    throw new Error(
      `not all was answered: ${JSON.stringify({ answers, errors, timeouts, non2xx })}`,
    );
  }
  return { seconds: (lastAtMs - startedAtMs) / 1_000 };
}

process.on('message', async (/** @type {ClientTask} */ task) => {
  process.send?.(await run(task));
});
process.on('disconnect', () => process.exit());
