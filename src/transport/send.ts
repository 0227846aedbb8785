import type { LookupFunction } from 'node:net';
import type { AuditEvent } from '../config/audit-event.js';
import type { Backend } from '../config/resolved.js';
import { runDetached } from '../detached.js';
import { readAnswer } from './answer.js';
import { AUDIT_REQUEST_HEADERS, readAudit } from './audit.js';
import { toBuffer, toWritable } from './body.js';
import { createLearningRedactor, formatBasicAuth, listUrlSecrets } from './credentials.js';
import { type Answer, exchange } from './exchange.js';
import { readFailure, toError } from './failure.js';
import { createPools } from './pools.js';
import type { SendResult } from './result.js';
import { createRotation, type RotationParts } from './rotation.js';
import type { SendRequest, Transport } from './transport.js';

/** Longest answer that is read. One that acknowledges a batch has some hundred bytes. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;

/** What a transport depends on beside its backend. */
export interface TransportParts extends RotationParts {
  /** Finds the addresses of the backend's host. @default Node's own */
  readonly lookup: LookupFunction;
  /** Is told what each answer of a backend says that has audit headers. Must not throw. @default nobody is */
  readonly onAudit: (event: AuditEvent) => void;
}

/**
 * Makes one backend's HTTP client. Nothing is opened before the first `send`.
 *
 * A backend's own `dispatcher`, where it has one, carries the requests in place of a pool made here, and is
 * never closed. Its sockets can not be seen, so an answer that comes before the body is written counts;
 * foreign bytes are impossible all the same, because it gets copies, whose memory is never used again.
 *
 * Credentials that may change are watched from here on, until it is closed. A request carries those that are in force
 * when it starts, and ends with them.
 *
 * @param userAgent The whole `User-Agent`; see `formatUserAgent`.
 * @param parts What it depends on beside the backend.
 * @throws TypeError for a backend without a URL, or with one (its own or its proxy's) that is none: the
 *   configuration has checked both.
 */
export function createTransport(
  backend: Backend,
  userAgent: string,
  parts: Partial<TransportParts> = {},
): Transport {
  if (backend.url === undefined) throw new TypeError(`backend ${backend.name} has no URL`);
  const url = new URL(backend.url);
  const headers = createHeaders(backend, url, userAgent);
  const { redact, learn } = createLearningRedactor(listSecrets(backend, url));
  const own = backend.delivery.kind === 'signalbox' ? backend.delivery.dispatcher : undefined;
  const pools = createPools(url.origin, backend, parts.lookup);
  const rotation = createRotation(backend, { ...parts, onKey: learn, onTls: pools.replace });
  const closing = new AbortController();

  const post = (
    { body, parent, contentType, contentEncoding, signal }: SendRequest,
    authorization: string | undefined,
  ) =>
    exchange(
      own ?? pools.dispatcher,
      {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'POST',
        headers: {
          ...headers,
          ...(authorization && { authorization }),
          ...(parent !== undefined && backend.parentHeader && { [backend.parentHeader]: parent }),
          'content-type': contentType,
          ...(contentEncoding && { 'content-encoding': contentEncoding }),
          'content-length': String(body.size),
        },
        body: own === undefined ? toWritable(body) : toBuffer(body),
      },
      {
        timeoutMs: backend.timeoutMs,
        maxResponseBytes: MAX_RESPONSE_BYTES,
        signals: signal === undefined ? [closing.signal] : [closing.signal, signal],
      },
    );

  function audit(answer: Answer, spans: number): void {
    if (!backend.auditHeaders || parts.onAudit === undefined) return;
    parts.onAudit(readAudit(answer, { backend: backend.name, spans, epochMs: Date.now() }));
  }

  return {
    async send(request): Promise<SendResult> {
      try {
        const current = rotation.current();
        const used = current instanceof Promise ? await current : current;
        if (used === undefined) return noKey;
        const outcome = await runDetached(() => post(request, used.authorization));
        if (!(outcome instanceof Error)) audit(outcome, request.spans);
        const { protocol } = backend;
        const result =
          outcome instanceof Error
            ? readFailure(outcome, redact)
            : readAnswer(outcome, { url, protocol, epochMs: Date.now(), redact });
        return await rotation.reconsider(result, used);
      } catch (error) {
        // Nothing above throws but by a bug; the exporter's loop must outlive it, and counts on a result.
        return readFailure(toError(error), redact);
      }
    },

    async close(): Promise<void> {
      closing.abort();
      rotation.close();
      await pools.destroy();
    },
  };
}

/** Sent without a key it would only be refused. */
const noKey: SendResult = {
  status: 'retryable',
  failure: { message: 'no API key to send with', errorType: 'no_api_key' },
};

function createHeaders(backend: Backend, url: URL, userAgent: string): Record<string, string> {
  const authorization = formatBasicAuth(url);
  const product = backend.headers['user-agent'];
  return {
    ...(authorization && { authorization }),
    ...backend.headers,
    ...(backend.auditHeaders && AUDIT_REQUEST_HEADERS),
    // Else a server may compress its answer as it likes (RFC 9110, 12.5.3), and what acknowledges a batch is short.
    'accept-encoding': 'identity',
    // A product may name itself before ours, as ours does before the exporter's.
    'user-agent': product === undefined ? userAgent : `${product} ${userAgent}`,
  };
}

function listSecrets({ headers, proxy }: Backend, url: URL): string[] {
  return [
    ...Object.values(headers),
    ...listUrlSecrets(url),
    ...(proxy === undefined ? [] : listUrlSecrets(new URL(proxy))),
  ];
}
