import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Clock } from '../clock.js';
import type { ReceivedRequest } from '../receiver/received.js';
import { createAccessCheck } from './access.js';
import { createApi } from './api.js';
import type { Overview, ServiceReport } from './messages.js';
import { readPage } from './page-files.js';
import { createSpanStore } from './span-store.js';
import { createTraffic } from './traffic.js';

/** What a viewer shows, and to whom. */
export interface ViewerOptions {
  /**
   * The newest spans that are held.
   *
   * @default 100_000
   */
  readonly capacity?: number;
  /**
   * What the held spans may take, in bytes, about; the oldest give way. 256 MiB, which holds 100,000 spans
   * of 2 kB: Node's own heap limit is not passed by spans of any size.
   *
   * @default 268_435_456
   */
  readonly maxBytes?: number;
  /** @default 'signalbox.route', which is the default of `SIGNALBOX_ROUTE_ATTRIBUTE` */
  readonly routeAttribute?: string;
  /** Asked for by the page and its API; without one, only names of loopback are answered. */
  readonly token?: string | undefined;
  /** Where the built page is. */
  readonly pageDirectory: string;
  /** What a backend is told to suffer from, in words. */
  readonly faultOf?: (backend: string) => string | undefined;
  /** What the service says of itself. */
  readonly serviceReport?: () => ServiceReport;
}

/** Holds what a receiver gets, and shows it. */
export interface Viewer {
  /** Takes note of a request; holds its spans where it was answered with success. */
  record(request: ReceivedRequest, httpStatus: number | undefined): void;
  /** Takes note of a request that could not be read. */
  recordRefused(backend: string | undefined, httpStatus: number): void;
  /** Something that the page shows has changed elsewhere. */
  touch(): void;
  /** Answers a request for the page or its API; `false` for any other, which it leaves alone. */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
}

/** No script but the page's own, nothing from elsewhere, and nobody may frame it. */
const SECURITY_HEADERS: OutgoingHttpHeaders = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/** How many values a filter offers. */
const MAX_CHOICES = 200;

/** Creates a viewer that has seen nothing. */
export function createViewer(
  options: ViewerOptions,
  clock: Pick<Clock, 'now' | 'epochMs'>,
): Viewer {
  const {
    capacity = 100_000,
    maxBytes = 256 * 1024 * 1024,
    routeAttribute = 'signalbox.route',
    faultOf,
    serviceReport,
  } = options;
  const store = createSpanStore({ capacity, maxBytes, routeAttribute }, clock);
  const traffic = createTraffic(clock);
  const checkAccess = createAccessCheck(options.token);
  const page = readPage(options.pageDirectory);
  let changes = 0;
  let changedAt = Number.NEGATIVE_INFINITY;

  function touch(): void {
    changes += 1;
    changedAt = clock.now();
  }

  /** Rates move on by themselves for a minute after the last change. */
  function revision(): number {
    const seconds = Math.min(61, Math.max(0, Math.floor((clock.now() - changedAt) / 1_000)));
    return changes * 64 + (changes === 0 ? 0 : seconds);
  }

  function overview(): Overview {
    const flow = traffic.flow();
    return {
      revision: revision(),
      at: clock.epochMs(),
      received: store.received,
      held: store.held,
      capacity,
      heldBytes: store.heldBytes,
      traces: store.traceCount,
      spansPerSecond: traffic.spansPerSecond(),
      backends: traffic.backends().map((row) => {
        const fault = faultOf?.(row.name);
        return fault === undefined ? row : { ...row, fault };
      }),
      flow: flow.links,
      flowKeys: flow.keys,
      keys: store.keys.top(MAX_CHOICES),
      services: store.services.top(MAX_CHOICES),
      ...(serviceReport === undefined ? {} : { service: serviceReport() }),
    };
  }

  const api = createApi(store, clock, overview, revision);

  function answer(url: URL, response: ServerResponse): void {
    const file = page.get(url.pathname);
    const found = file === undefined ? api(url.pathname, url.searchParams) : undefined;
    if (file !== undefined) {
      send(response, 200, file.contentType, file.bytes);
    } else if (found !== undefined) {
      send(response, 200, JSON_TYPE, JSON.stringify(found));
    } else if (url.pathname === '/') {
      sendMessage(response, 503, 'the page is not built: npm run build');
    } else {
      sendMessage(response, 404, 'not here, or not any more');
    }
  }

  return {
    record(request, httpStatus) {
      const backend = request.backend ?? '';
      traffic.request(backend, request.wireBytes, httpStatus);
      // What was refused is the sender's still, and will come again.
      if (httpStatus !== undefined && httpStatus < 300) {
        traffic.spans(store.add(request, httpStatus));
      }
      touch();
    },
    recordRefused(backend = '', httpStatus) {
      traffic.request(backend, 0, httpStatus);
      touch();
    },
    touch,
    handle(request, response) {
      if (request.method !== 'GET' && request.method !== 'HEAD') return false;
      const url = parseUrl(request.url);
      if (url === undefined || !(page.has(url.pathname) || isOwn(url.pathname))) return false;
      const access = checkAccess(request, url);
      if (access.status === 'refused') {
        sendMessage(response, access.httpStatus, access.message);
      } else if (access.status === 'exchange') {
        const headers = { location: url.pathname, 'set-cookie': access.cookie };
        response.writeHead(303, { ...SECURITY_HEADERS, ...headers }).end();
      } else {
        answer(url, response);
      }
      return true;
    },
  };
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** The page, which may not be built, and the API; but `/api/v1/traces` is where a backend `api` would be. */
function isOwn(path: string): boolean {
  return path === '/' || /^\/api\/(overview|traces|spans)(\/|$)/.test(path);
}

function parseUrl(target = ''): URL | undefined {
  try {
    // A path alone: `//elsewhere/` names no host here.
    return new URL(`http://viewer${target.startsWith('/') ? target : '/*'}`);
  } catch {
    // What is no path is nothing of the viewer's.
    return undefined;
  }
}

function sendMessage(response: ServerResponse, httpStatus: number, message: string): void {
  send(response, httpStatus, JSON_TYPE, JSON.stringify({ message }));
}

function send(
  response: ServerResponse,
  httpStatus: number,
  contentType: string,
  body: string | Uint8Array,
): void {
  const length = Buffer.byteLength(body);
  response
    .writeHead(httpStatus, {
      ...SECURITY_HEADERS,
      'content-type': contentType,
      'content-length': length,
    })
    .end(body);
}
