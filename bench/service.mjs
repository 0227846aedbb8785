// @ts-check
// One measured run of an HTTP service that says hello, as bare as its framework allows, in a process of its own: how many
// requests a second it answers without telemetry, with instrumentation and a processor that does nothing, and with
// signalbox. The client is a process of its own too.
//
//   node service.mjs '{ "subject": "signalbox", "framework": "express", ... }'

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express';
import { FastifyInstrumentation } from '@opentelemetry/instrumentation-fastify';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { fromHeader } from 'signalbox/node';
import { backendName } from './subjects/subject.mjs';

/**
 * What is to be run.
 *
 * @typedef {object} ServiceOptions
 * @property {'bare' | 'creation' | 'signalbox'} subject `bare`: neither instrumentation nor a provider
 * @property {'express' | 'fastify'} framework
 * @property {number} connections kept alive, each with one request at a time
 * @property {number} requests rounded up, so that each connection asks for each tenant equally often
 * @property {number} warmUpRequests
 */

/** @typedef {ServiceOptions & import('./subjects/subject.mjs').Setup} ServiceSpec */

/**
 * @typedef {object} ServiceResult
 * @property {Record<string, number>} sent spans by backend, the warm-up's included
 * @property {number} requestsPerSecond
 * @property {number} cpuUsPerRequest user and system, of all of the service's threads
 * @property {import('signalbox').RoutingStats} [stats] of signalbox
 */

/** @typedef {import('node:http').Server} Server */
/** @typedef {typeof import('express')} Express */
/** @typedef {typeof import('fastify')} Fastify */

/** The header that names a request's tenant, which has the name of its backend. */
const TENANT_HEADER = 'x-tenant';
/** Not imported: instrumentation has to be there before they are loaded. */
const load = createRequire(import.meta.url);

/** @type {ServiceSpec} */
const spec = JSON.parse(process.argv[2] ?? '');
const { connections, warmUpRequests } = spec;
const isRouted = spec.subject === 'signalbox';
const tenants = Array.from({ length: spec.backends }, (_, index) => backendName(index));
const turn = connections * tenants.length;
const requests = Math.ceil((warmUpRequests + spec.requests) / turn) * turn;
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
    app.use(routeRequests({ route: fromHeader(TENANT_HEADER) }));
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
    app.register(routeRequests, { route: fromHeader(TENANT_HEADER) });
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

/**
 * Has the client send its requests.
 *
 * @param {string} url
 * @returns {Promise<{ seconds: number, cpuUs: number }>} how long they took, and what they cost, without the warm-up's
 */
async function answerClient(url) {
  /** @type {import('./http-client.mjs').ClientSpec} */
  const clientSpec = {
    url,
    tenants,
    tenantHeader: TENANT_HEADER,
    requests,
    warmUpRequests,
    connections,
  };
  const path = fileURLToPath(new URL('http-client.mjs', import.meta.url));
  const client = fork(path, [JSON.stringify(clientSpec)], { execArgv: [] });
  const exited = once(client, 'exit');
  let cpuBefore = process.cpuUsage();
  /** @type {{ seconds: number, cpuUs: number } | undefined} */
  let measured;
  client.on('message', (/** @type {import('./http-client.mjs').ClientMessage} */ message) => {
    if (message.type === 'warm') {
      cpuBefore = process.cpuUsage();
      return;
    }
    const { user, system } = process.cpuUsage(cpuBefore);
    measured = { seconds: message.seconds, cpuUs: user + system };
  });
  const [code] = await exited;
  if (code !== 0 || measured === undefined)
    throw new Error('the client did not get all its answers');
  return measured;
}

/** @returns {Promise<ServiceResult>} */
async function measure() {
  const { seconds, cpuUs } = await answerClient(await listen());
  // The last spans end as their connections are closed.
  await new Promise((resolve) => server.close(resolve));
  await telemetry?.provider.shutdown();
  const stats = telemetry?.subject.stats?.();
  return {
    sent: Object.fromEntries(isRouted ? tenants.map((tenant) => [tenant, spansOfEach()]) : []),
    requestsPerSecond: (requests - warmUpRequests) / seconds,
    cpuUsPerRequest: cpuUs / (requests - warmUpRequests),
    ...(stats !== undefined && { stats }),
  };
}

/** Each request makes the same spans, and each tenant has as many requests. */
function spansOfEach() {
  return (telemetry?.spansEnded() ?? 0) / tenants.length;
}

const result = await measure();
process.send?.(result, () => process.exit());
