import {
  createServer as createHttpServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { inflateBody, type Refusal, readBody } from './body.js';
import { decodeRequest, type MediaType } from './decode.js';
import { mediaTypeOf } from './media-type.js';
import { encodeProtobufResponse, encodeProtobufStatus } from './protobuf.js';
import type { ReceivedRequest, ReceivedSpan } from './received.js';
import { createTurns } from './turns.js';

/** How a receiver listens, and what it does with what arrives. */
export interface ReceiverOptions {
  /**
   * Loopback alone, because spans are private and a receiver asks nobody who they are.
   *
   * @default '127.0.0.1'
   */
  readonly host?: string;
  /** @default 0, any free port */
  readonly port?: number;
  /** Speaks HTTPS with this certificate; `requestCert` and `ca` ask for the client's. */
  readonly tls?: TlsOptions;
  /**
   * Largest body, on the wire and inflated; a larger one is answered with 413.
   *
   * 64 MiB, which is signalbox's whole budget: no request of its own is larger.
   *
   * @default 67_108_864
   */
  readonly maxBodyBytes?: number;
  /**
   * Called with each request that could be decoded, before it is answered: once a sender has its answer, the
   * caller has the spans. `httpStatus` is the answer's, `undefined` where none is given. Keeping requests,
   * and bounding what is kept, is the caller's.
   */
  readonly onRequest?: (request: ReceivedRequest, httpStatus: number | undefined) => void;
  /** Called with each request for traces that could not be read, before it is answered. */
  readonly onRefused?: (backend: string | undefined, httpStatus: number) => void;
  /**
   * Decides on the answer, and when it is given; `undefined` is success. A fault that needs no more than
   * a status, a header or a delay belongs here.
   */
  readonly answer?: (
    request: ReceivedRequest,
  ) => Answer | 'none' | undefined | Promise<Answer | 'none' | undefined>;
  /**
   * Sees every request first, before its body is read; `true` takes it over, whole. For faults of the wire:
   * an early answer, a connection that breaks in mid-body.
   */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** What a request is answered with. `'none'` in its place closes the connection without an answer. */
export interface Answer {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
  /** @default what OTLP/HTTP asks for: the response message, or for a failure a `Status` */
  readonly body?: Uint8Array | string;
}

/** An embedded OTLP/HTTP receiver of traces. */
export interface Receiver {
  /** Listens. Rejects where the port is taken. */
  start(): Promise<ReceiverAddress>;
  /** Stops listening and destroys every connection. */
  stop(): Promise<void>;
}

/** Where a receiver listens. */
export interface ReceiverAddress {
  readonly port: number;
  /** Base URL, without a slash at its end: `http://127.0.0.1:4318`. */
  readonly url: string;
}

/**
 * Creates a receiver of `POST /v1/traces`, in JSON and protobuf, plain or gzip, after "OTLP/HTTP" of the OTLP
 * specification. A first segment names a backend, so that one receiver can stand for several, and `/otel`,
 * Braintrust's prefix, may come before `/v1/traces`: `/<backend>/v1/traces`, `/<backend>/otel/v1/traces`.
 *
 * It authenticates nobody and keeps nothing: for tests, demos and a look at what is sent, not for production.
 */
export function createReceiver(options: ReceiverOptions = {}): Receiver {
  const { host = '127.0.0.1', port = 0, tls, maxBodyBytes = 64 * 1024 * 1024 } = options;
  const { onRequest, onRefused, answer, intercept } = options;
  // A body may be a thousand times as large as it was on the wire: one is in memory at a time.
  const inTurn = createTurns();

  // A client may reuse a connection at the moment at which its server times it out, and would report
  // a failure that nobody meant; stop() ends what is idle.
  const listenerOptions = { keepAliveTimeout: 600_000 };
  const server: Server =
    tls === undefined
      ? createHttpServer(listenerOptions, listener)
      : createHttpsServer({ ...listenerOptions, ...tls }, listener);

  function listener(request: IncomingMessage, response: ServerResponse): void {
    receive(request, response).catch((error: unknown) => {
      // The sender went away in mid-body, or a callback has thrown: then nobody else would tell of it.
      const message = error instanceof Error ? error.message : String(error);
      refuse(request, response, { httpStatus: 500, message });
    });
  }

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (intercept?.(request, response) === true) return;
    const target = parseTarget(request.url ?? '');
    if (target === undefined) {
      return refuse(request, response, { httpStatus: 404, message: 'no traces are taken here' });
    }
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST');
      return refuse(request, response, { httpStatus: 405, message: 'traces are posted' });
    }
    const { backend } = target;
    const refuseTraces = (refusal: Refusal) => {
      onRefused?.(backend, refusal.httpStatus);
      refuse(request, response, refusal);
    };
    const mediaType = mediaTypeOf(request.headers['content-type']);
    if (mediaType === undefined) {
      const message = 'Content-Type must be application/x-protobuf or application/json';
      return refuseTraces({ httpStatus: 415, message });
    }
    const wire = await readBody(request, maxBodyBytes);
    if ('httpStatus' in wire) return refuseTraces(wire);
    const decoded = await inTurn(async () => {
      const encoding = request.headers['content-encoding'];
      const body = await inflateBody(wire, encoding, maxBodyBytes);
      return 'httpStatus' in body ? body : decodeBody(mediaType, body);
    });
    if ('httpStatus' in decoded) return refuseTraces(decoded);
    const received: ReceivedRequest = {
      ...target,
      headers: request.headers,
      wireBytes: wire.length,
      ...decoded,
    };
    const given = (await answer?.(received)) ?? {};
    if (given === 'none') {
      onRequest?.(received, undefined);
      request.socket.destroy();
      return;
    }
    const httpStatus = given.status ?? 200;
    onRequest?.(received, httpStatus);
    const bytes = given.body ?? defaultBody(mediaType, httpStatus);
    respond(response, httpStatus, { 'content-type': mediaType, ...given.headers }, bytes);
  }

  return {
    start() {
      return new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          resolve(addressOf(server, tls === undefined ? 'http' : 'https'));
        });
      });
    },
    stop() {
      return new Promise((resolve) => {
        // An error says that it was not listening, which is what is asked for.
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function decodeBody(
  mediaType: MediaType,
  body: Uint8Array,
): { body: Uint8Array; spans: ReceivedSpan[] } | Refusal {
  const spans = decodeRequest(mediaType, body);
  return spans instanceof Error ? { httpStatus: 400, message: spans.message } : { body, spans };
}

// The backend is matched lazily, so that `/otel/v1/traces` is Braintrust's path and no backend's name.
const TARGET = /^(?:\/([^/]+))??(?:\/otel)?\/v1\/traces$/;

function parseTarget(url: string): Pick<ReceivedRequest, 'backend' | 'path'> | undefined {
  const path = url.split('?', 1)[0] ?? '';
  const match = TARGET.exec(path);
  return match === null ? undefined : { backend: match[1], path };
}

function defaultBody(mediaType: MediaType, httpStatus: number): Uint8Array | string {
  if (httpStatus >= 400) return statusBody(mediaType, `HTTP ${httpStatus}`);
  return mediaType === 'application/json' ? '{}' : encodeProtobufResponse();
}

function statusBody(mediaType: MediaType, message: string): Uint8Array | string {
  return mediaType === 'application/json'
    ? JSON.stringify({ message })
    : encodeProtobufStatus(message);
}

/** Answers in the request's encoding; in JSON, which people can read, where that is neither of the two. */
function refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent || response.destroyed) return;
  const mediaType = mediaTypeOf(request.headers['content-type']) ?? 'application/json';
  const body = statusBody(mediaType, refusal.message);
  respond(response, refusal.httpStatus, { 'content-type': mediaType }, body);
}

function respond(
  response: ServerResponse,
  httpStatus: number,
  headers: OutgoingHttpHeaders,
  body: Uint8Array | string,
): void {
  response.writeHead(httpStatus, { 'content-length': Buffer.byteLength(body), ...headers });
  response.end(body);
}

function addressOf(server: Server, scheme: 'http' | 'https'): ReceiverAddress {
  // A server that listens on a host and a port, and no pipe, has an AddressInfo.
  const { address, family, port } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  return { port, url: `${scheme}://${host}:${port}` };
}
