import { EventEmitter } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { context } from '@opentelemetry/api';
import { runExchange } from '../boundary/exchange.js';
import type { RequestBoundary } from '../boundary/request.js';
import type { HeadersRequest } from '../boundary/resolvers.js';

/** Whether a server's event is a request's, and how its listeners are run inside the request's boundary. */
type Run = (args: readonly unknown[], next: () => boolean) => boolean;

/**
 * Puts a boundary around every request that a server of `node:http`, `node:https` or `node:http2` takes from now
 * on: upgrades, `CONNECT` and the streams of HTTP/2 included.
 *
 * It stands in the servers' own `emit`. That is where `@opentelemetry/instrumentation-http` starts the server span, in
 * a context that takes nothing from the one around it: the instrumentation has to be enabled later, so that its span
 * is in force where the boundary is entered, and belongs to it. What the diagnostics channel
 * `http.server.request.start` announces comes too early for that.
 */
export function interceptRequests(boundary: RequestBoundary<HeadersRequest>): void {
  const runs = runsOf(boundary);
  // The classes of node:http2 are not exported: servers that never listen have them.
  const samples = [http2.createServer(), http2.createSecureServer()];
  const prototypes: object[] = samples.map((server) => Object.getPrototypeOf(server));
  for (const prototype of [http.Server.prototype, https.Server.prototype, ...prototypes]) {
    interceptEmit(prototype, runs);
  }
}

function runsOf(boundary: RequestBoundary<HeadersRequest>): ReadonlyMap<unknown, Run> {
  const entered = new WeakSet();

  function runRequest([request, closing]: readonly unknown[], next: () => boolean): boolean {
    if (!isIncoming(request) || !(closing instanceof EventEmitter)) return next();
    // It came as a stream, whose boundary is around this one already.
    if (request.httpVersionMajor === 2) return next();
    // Handed from one server to another, it has a server span for each, in a trace of its own.
    if (entered.has(request)) return runExpectation([request, closing], next);
    entered.add(request);
    return runExchange(boundary, request, request, closing, () => {
      // An upgraded connection is this request's alone from now on.
      if (!('writeHead' in closing)) context.bind(context.active(), closing);
      return next();
    });
  }

  // The request itself comes after these, with its server span: a boundary of its own must be left for that.
  function runExpectation([request, closing]: readonly unknown[], next: () => boolean): boolean {
    if (!isIncoming(request) || !(closing instanceof EventEmitter)) return next();
    const onClose = (closed: () => void) => void closing.once('close', closed);
    return boundary.run(request, {}, onClose, next);
  }

  function runStream([stream, headers]: readonly unknown[], next: () => boolean): boolean {
    if (!(stream instanceof EventEmitter) || !isHeaders(headers)) return next();
    const url = headers[':path'];
    const request = { headers, url: typeof url === 'string' ? url : undefined };
    const onClose = (closed: () => void) => void stream.once('close', closed);
    return boundary.run(request, stream, onClose, () => {
      context.bind(context.active(), stream);
      return next();
    });
  }

  return new Map([
    ['request', runRequest],
    ['upgrade', runRequest],
    ['connect', runRequest],
    ['checkContinue', runExpectation],
    ['checkExpectation', runExpectation],
    ['stream', runStream],
  ]);
}

function interceptEmit(prototype: object, runs: ReadonlyMap<unknown, Run>): void {
  const emit: unknown = Reflect.get(prototype, 'emit');
  if (typeof emit !== 'function') return;
  function interceptedEmit(this: unknown, ...all: unknown[]): boolean {
    const [event, ...args] = all;
    const next = (): boolean => Reflect.apply(emit as EventEmitter['emit'], this, all);
    const run = runs.get(event);
    return run === undefined ? next() : run(args, next);
  }
  Object.defineProperty(prototype, 'emit', {
    value: interceptedEmit,
    writable: true,
    configurable: true,
  });
}

function isIncoming(value: unknown): value is http.IncomingMessage {
  return typeof value === 'object' && value !== null && 'headers' in value;
}

function isHeaders(value: unknown): value is http2.IncomingHttpHeaders {
  return typeof value === 'object' && value !== null;
}
