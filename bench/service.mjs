// @ts-check
// One HTTP service that says hello, as bare as its framework allows, in a process of its own: without telemetry, with
// instrumentation and a processor that does nothing, or with signalbox. It tells its URL, answers questions, and ends with its
// parent.
//
//   node service.mjs '{ "subject": "signalbox", "framework": "express", ... }'

import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express';
import { FastifyInstrumentation } from '@opentelemetry/instrumentation-fastify';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { fromHeader } from 'signalbox/node';
import { backendName } from './subjects/subject.mjs';

/**
 * What is to be served.
 *
 * @typedef {object} ServiceOptions
 * @property {'bare' | 'creation' | 'signalbox'} subject `bare`: neither instrumentation nor a provider
 * @property {'express' | 'fastify'} framework
 * @property {string} tenantHeader that names a request's tenant, which has the name of its backend
 */

/** @typedef {ServiceOptions & import('./subjects/subject.mjs').Setup} ServiceSpec */

/**
 * What it is asked: for the CPU that it has taken, to deliver what has ended, or for its account, after which it is over.
 *
 * @typedef {'cpu' | 'flush' | 'stop'} ServiceQuestion
 */

/**
 * @typedef {object} ServiceAccount
 * @property {Record<string, number>} sent spans by backend
 * @property {import('signalbox').RoutingStats} [stats] of signalbox
 */

/** @typedef {import('node:http').Server} Server */
/** @typedef {typeof import('express')} Express */
/** @typedef {typeof import('fastify')} Fastify */

/** Not imported: instrumentation has to be there before they are loaded. */
const load = createRequire(import.meta.url);

/** @type {ServiceSpec} */
const spec = JSON.parse(process.argv[2] ?? '');
const isRouted = spec.subject === 'signalbox';
const tenants = Array.from({ length: spec.backends }, (_, index) => backendName(index));
const telemetry = spec.subject === 'bare' ? undefined : await startTelemetry(spec.subject);
const server = await { express: serveExpress, fastify: serveFastify }[spec.framework]();

/** Sets it up as an application does. @param {'creation' | 'signalbox'} name of the subject */
async function startTelemetry(name) {
  /** @type {{ createSubject: (setup: ServiceSpec) => import('./subjects/subject.mjs').Subject }} */
  const { createSubject } = await import(`./subjects/${name}.mjs`);
  const subject = createSubject(spec);
  let ended = 0;
  const counter = {
    onStart() {},
    onEnd() {
      ended += 1;
    },
    async forceFlush() {},
    async shutdown() {},
  };
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'bench', 'service.version': '1.0.0' }),
    spanProcessors: [...subject.spanProcessors, counter],
  });
  provider.register();
  registerInstrumentations({
    instrumentations: [
      new HttpInstrumentation(),
      new ExpressInstrumentation({ ignoreLayers: ['middleware - signalbox'] }),
      new FastifyInstrumentation(),
    ],
  });
  return { subject, provider, spansEnded: () => ended };
}

/** @returns {Promise<Server>} */
async function serveExpress() {
  /** @type {Express} */
  const express = load('express');
  const app = express();
  if (isRouted) {
    const { routeRequests } = await import('signalbox/express');
    app.use(routeRequests({ route: fromHeader(spec.tenantHeader) }));
  }
  app.get('/', (_request, response) => {
    response.send('hello');
  });
  return createServer(app);
}

/** @returns {Promise<Server>} */
async function serveFastify() {
  /** @type {Fastify} */
  const fastify = load('fastify');
  const app = fastify({ serverFactory: (handler) => createServer(handler) });
  if (isRouted) {
    const { routeRequests } = await import('signalbox/fastify');
    app.register(routeRequests, { route: fromHeader(spec.tenantHeader) });
  }
  app.get('/', async () => 'hello');
  await app.ready();
  return app.server;
}

async function listen() {
  // However busy the machine is: no connection is closed that the client still uses.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address !== 'object') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}

/** @returns {number} microseconds, user and system, of all threads */
function cpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function flush() {
  await telemetry?.provider.forceFlush();
}

/** @returns {Promise<ServiceAccount>} */
async function stop() {
  // The last spans end as their connections are closed.
  await new Promise((resolve) => server.close(resolve));
  await telemetry?.provider.shutdown();
  const stats = telemetry?.subject.stats?.();
  return {
    sent: Object.fromEntries(isRouted ? tenants.map((tenant) => [tenant, spansOfEach()]) : []),
    ...(stats !== undefined && { stats }),
  };
}

/** Each request makes the same spans, and each tenant has as many requests. */
function spansOfEach() {
  return (telemetry?.spansEnded() ?? 0) / tenants.length;
}

const answers = { cpu: cpuUs, flush, stop };
process.on('message', async (/** @type {ServiceQuestion} */ question) => {
  process.send?.((await answers[question]()) ?? null);
});
process.on('disconnect', () => process.exit());
process.send?.(await listen());
