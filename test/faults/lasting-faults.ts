import type { BackendConfig, BackendStats } from '../../src/index.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { partialSuccess } from '../helpers/receiver.js';
import { answerRaw, hang, loseAnswer, resetInMidBody } from './fault-receiver.js';
import {
  nowhere,
  receiver,
  redirect,
  type StartFaulty,
  silence,
  tlsReceiver,
} from './faulty-backend.js';

/** How many spans of each test go to the backend that fails. */
export const SPANS = 5;

/** A fault that does not pass, and what it makes of a batch of {@link SPANS} spans. */
export interface LastingFault {
  readonly fault: string;
  readonly start: StartFaulty;
  /** @default 0 */
  readonly delivered?: number;
  readonly dropped: BackendStats['dropped'];
  /** `degraded` after a failure that may pass. */
  readonly state: BackendStats['state'];
  /** Requests that reach the backend. @default 1 */
  readonly attempts?: number;
  /** Spans that reach the backend. @default SPANS */
  readonly arrived?: number;
  /** What the log says of it, if anything. */
  readonly says?: string;
}

/** One attempt, so that a fault which may pass ends as `retry_exhausted` without a wait. */
const once: BackendConfig = { retryMaxElapsedMs: 0 };
const exhausted = {
  dropped: { retry_exhausted: SPANS },
  state: 'degraded',
} as const;
/** These are never tried again, however much time there is for it. */
const refused = { dropped: { refused: SPANS }, state: 'up' } as const;
const delivered = { delivered: SPANS, dropped: {}, state: 'up' } as const;

/** Every way in which a backend fails for good. */
export const lastingFaults: readonly LastingFault[] = [
  {
    fault: 'a refused connection',
    // Nothing listens on port 1; a port that was free a moment ago may be somebody's by now.
    start: nowhere('http://127.0.0.1:1', once),
    ...exhausted,
    arrived: 0,
    says: 'ECONNREFUSED',
  },
  {
    fault: 'a name that does not resolve',
    start: nowhere('http://backend.invalid', once),
    ...exhausted,
    arrived: 0,
  },
  {
    fault: 'a connection that is reset in mid-body',
    start: receiver(resetInMidBody, once),
    ...exhausted,
    arrived: 0,
    says: 'ECONNRESET',
  },
  {
    fault: 'an answer that is lost',
    start: receiver(loseAnswer, once),
    ...exhausted,
  },
  {
    fault: 'an answer that breaks off',
    start: receiver(answerRaw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{'), once),
    ...exhausted,
  },
  {
    fault: 'an answer that begins and never ends',
    start: receiver(answerRaw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{', 'wait'), {
      ...once,
      timeoutMs: 500,
    }),
    ...exhausted,
    says: 'not answered within 500 ms',
  },
  {
    fault: 'an answer that is no HTTP',
    start: receiver(answerRaw('SSH-2.0-OpenSSH_9.6\r\n'), once),
    ...exhausted,
  },
  {
    fault: 'an answer that switches protocols',
    start: receiver(answerRaw('HTTP/1.1 101 Switching\r\nupgrade: h2c\r\n\r\n'), once),
    ...exhausted,
  },
  {
    fault: 'an answer with endless headers',
    start: receiver(answerRaw(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`), once),
    ...exhausted,
  },
  {
    fault: 'a request that hangs',
    start: receiver(hang, { ...once, timeoutMs: 500 }),
    ...exhausted,
    says: 'not answered within 500 ms',
  },
  {
    fault: 'a TLS handshake that hangs',
    start: silence({ ...once, timeoutMs: 500 }),
    ...exhausted,
    arrived: 0,
    says: 'not answered within 500 ms',
  },
  {
    fault: 'a server that speaks no TLS',
    start: receiver({}, once, (url) => url.replace('http:', 'https:')),
    ...exhausted,
    attempts: 0,
    arrived: 0,
  },
  ...[429, 502, 503, 504].map(
    (status): LastingFault => ({
      fault: `HTTP ${status}`,
      start: receiver({ answer: () => ({ status }) }, once),
      ...exhausted,
      says: `HTTP ${status}`,
    }),
  ),
  {
    fault: 'HTTP 503 with an oversized body',
    start: receiver({ answer: () => ({ status: 503, body: oversized }) }, once),
    ...exhausted,
    says: 'HTTP 503',
  },
  {
    fault: 'HTTP 429 whose Retry-After is past the end of all retries',
    start: receiver(
      { answer: () => ({ status: 429, headers: { 'retry-after': '600' } }) },
      { retryMaxElapsedMs: 60_000 },
    ),
    ...exhausted,
    says: 'HTTP 429',
  },
  ...[400, 401, 403, 404, 500, 501].map(
    (status): LastingFault => ({
      fault: `HTTP ${status}`,
      start: receiver({ answer: () => ({ status }) }),
      ...refused,
      says: `HTTP ${status}`,
    }),
  ),
  ...[301, 302, 303, 307, 308].map(
    (status): LastingFault => ({
      fault: `HTTP ${status}`,
      start: redirect(status),
      ...refused,
      says: `HTTP ${status} redirect to 127.0.0.1`,
    }),
  ),
  {
    fault: 'HTTP 413, however small the request is',
    start: receiver({ answer: () => ({ status: 413 }) }),
    dropped: { too_large: SPANS },
    state: 'up',
    // 5 spans, 3 and 2 of them, 2 and 1 and 1 and 1, and 1 and 1.
    attempts: 9,
    arrived: 5 + 5 + 5 + 2,
    says: 'HTTP 413',
  },
  {
    fault: 'HTTP 413 for more than two spans',
    start: receiver({ answer: ({ spans }) => (spans.length > 2 ? { status: 413 } : undefined) }),
    ...delivered,
    // 5 spans, 3 and 2 of them, 2 and 1.
    attempts: 5,
    arrived: 5 + 5 + 3,
  },
  {
    fault: 'HTTP 200 with an oversized body',
    start: receiver({ answer: () => ({ body: oversized }) }),
    ...delivered,
    says: 'the answer is too long to be read',
  },
  {
    fault: 'HTTP 200 with a body that is not compressed as it says',
    start: receiver({ answer: () => ({ headers: { 'content-encoding': 'gzip' }, body: 'x' }) }),
    ...delivered,
    says: 'the answer is not compressed as it says',
  },
  {
    fault: 'HTTP 204 without a body',
    start: receiver({ answer: () => ({ status: 204, body: '' }) }),
    ...delivered,
  },
  {
    fault: 'a partial success in protobuf',
    start: receiver({ answer: (request) => partialSuccess(request, 2, 'too old') }),
    delivered: SPANS - 2,
    dropped: { rejected: 2 },
    state: 'up',
    says: 'too old',
  },
  {
    fault: 'a partial success in JSON',
    start: receiver(
      { answer: (request) => partialSuccess(request, 2, 'too old') },
      { protocol: 'http/json' },
    ),
    delivered: SPANS - 2,
    dropped: { rejected: 2 },
    state: 'up',
    says: 'too old',
  },
  {
    fault: 'a partial success that rejects more than it was sent',
    start: receiver({ answer: (request) => partialSuccess(request, 1_000_000) }),
    dropped: { rejected: SPANS },
    state: 'up',
  },
  {
    fault: 'a partial success that rejects nothing and warns',
    start: receiver({ answer: (request) => partialSuccess(request, 0, 'use less') }),
    ...delivered,
    says: 'use less',
  },
  ...malformed('application/x-protobuf', [
    { what: 'cut off', body: Uint8Array.of(0x0a, 0x7f, 0x08) },
    { what: 'of another wire type', body: Uint8Array.of(0x0a, 0x02, 0x0a, 0xff) },
    { what: 'of random bytes', body: Uint8Array.from({ length: 64 }, () => 0xff) },
  ]),
  ...malformed('application/json', [
    { what: 'cut off', body: '{"partialSuccess":{"rejectedSpans":' },
    { what: 'an array', body: '[]' },
    { what: 'a number', body: '{"partialSuccess":7}' },
    { what: 'without a number', body: '{"partialSuccess":{"rejectedSpans":{}}}' },
    { what: 'a page of HTML', body: '<html><body>welcome</body></html>' },
  ]),
  {
    fault: 'a certificate of an authority that is not trusted',
    start: tlsReceiver(certificates.server, 'other-ca'),
    ...refused,
    attempts: 0,
    arrived: 0,
    says: 'certificate',
  },
  {
    fault: 'a certificate of another host',
    start: tlsReceiver(certificates.wrongHost, 'ca'),
    ...refused,
    attempts: 0,
    arrived: 0,
    says: 'altnames',
  },
  {
    fault: 'a certificate that has expired',
    start: tlsReceiver(certificates.expired, 'ca'),
    ...refused,
    attempts: 0,
    arrived: 0,
    says: 'certificate has expired',
  },
  {
    fault: 'a server that asks for a certificate that there is none of',
    start: tlsReceiver({ ...certificates.server, ca: certificates.ca, requestCert: true }, 'ca'),
    ...refused,
    attempts: 0,
    arrived: 0,
    says: 'certificate required',
  },
];

// Over the 4 MiB that are read of an answer.
const oversized = new Uint8Array(5 * 1024 * 1024);

/** The batch is acknowledged by the status: what is wrong with the answer's words costs a warning. */
function malformed(
  contentType: string,
  answers: readonly { readonly what: string; readonly body: Uint8Array | string }[],
): LastingFault[] {
  const headers = { 'content-type': contentType };
  return answers.map(({ what, body }) => ({
    fault: `a partial success that is malformed (${contentType}, ${what})`,
    start: receiver({ answer: () => ({ headers, body }) }),
    ...delivered,
    says: 'but the answer',
  }));
}
