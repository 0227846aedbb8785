// @ts-check
// A service of several tenants. It knows nothing of the migration.

import http from 'node:http';
import { text } from 'node:stream/consumers';
import { trace } from '@opentelemetry/api';
import { fromHeader, routeRequests } from 'signalbox/node';
import { serveOperator } from './operator.mjs';
import { processor, provider } from './telemetry.mjs';

const tracer = trace.getTracer('invoices');

const server = http.createServer(
  // A gateway has authenticated the caller, and sets this header.
  routeRequests({ route: fromHeader('x-tenant') }, async (request, response) => {
    await query('SELECT invoices');
    response.writeHead(200).flushHeaders();
    // Takes as long as the client does.
    const items = await text(request);
    await query('UPDATE invoices', items.length);
    response.end('done\n');
  }),
);
const operator = serveOperator(processor);

server.listen(0, '127.0.0.1', () => {
  operator.listen(0, '127.0.0.1', () => {
    for (const each of [server, operator]) {
      const address = each.address();
      if (address !== null && typeof address === 'object') {
        console.log(`listening on http://127.0.0.1:${address.port}`);
      }
    }
  });
});

process.once('SIGTERM', () => {
  operator.close();
  server.close(() => provider.shutdown());
});

/**
 * Stands for a database and its instrumentation.
 *
 * @param {string} name
 * @param {number} [size]
 */
async function query(name, size = 0) {
  const attributes = { 'db.query.text': `${name} WHERE size = ?`, 'app.size': size };
  const span = tracer.startSpan(name, { attributes });
  await new Promise((resolve) => setImmediate(resolve));
  span.end();
}
