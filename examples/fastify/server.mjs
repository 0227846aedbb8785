// @ts-check
import { Readable } from 'node:stream';
import fastify from 'fastify';
import { routeRequests } from 'signalbox/fastify';
import { findRegion, readRows } from './database.mjs';
import { provider } from './telemetry.mjs';

const app = fastify();

// The one statement that decides where the request's telemetry goes. The request does not wait for the answer:
// its spans do, and follow it.
app.register(routeRequests, {
  route: (request) => findRegion(request.headers.authorization),
});

// The answer is streamed: it is under way before the region is known, and reads on after the handler has returned.
app.get('/reports/:id', (request, reply) => {
  const { id } = /** @type {{ id: string }} */ (request.params);
  return reply.type('text/plain').send(Readable.from(readRows(id)));
});

const address = await app.listen({ port: Number(process.env.PORT ?? 8080), host: '127.0.0.1' });
console.log(`listening on ${address}`);

process.once('SIGTERM', () => app.close().then(() => provider.shutdown()));
