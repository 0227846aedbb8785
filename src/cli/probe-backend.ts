import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { BraintrustApp } from '../config/braintrust-app.js';
import type { ConfigDescription } from '../config/describe.js';
import { maskUrl } from '../config/mask.js';
import type { Backend } from '../config/resolved.js';
import type { BackendKey } from '../config/schema.js';
import { failureOf, type Sent } from '../exporter/observed.js';
import { type Confirmation, confirm } from './confirmation.js';
import { deliver } from './delivery.js';
import { type Diagnosis, diagnose } from './diagnosis.js';
import { type LogsLink, logsLink } from './logs-link.js';
import { createProbeSpan } from './probe-span.js';

/** What became of the probe of one backend. Holds no secret. */
export interface ProbeResult {
  readonly backend: string;
  /** Without its query; absent for an exporter that has its own. */
  readonly url?: string;
  /** Without its credentials. */
  readonly proxy?: string;
  /** What DNS has for the host that is connected to, the proxy's where there is one; empty where it has nothing. */
  readonly addresses: readonly string[];
  /** `skipped` is what writes to the service's own console alone. */
  readonly status: 'delivered' | 'failed' | 'skipped';
  readonly traceId: string;
  readonly spanId: string;
  readonly httpStatus?: number;
  /** From the request to its answer, a new connection included, in milliseconds. */
  readonly latencyMs?: number;
  /** What the backend said although it took the span. */
  readonly warning?: string;
  readonly failure?: Diagnosis & { readonly errorType: string };
  /** With `--confirm`, for what was delivered. */
  readonly confirmation?: Confirmation;
  /** For a Braintrust backend. */
  readonly logs?: LogsLink;
}

/** Which backend is probed, and how. */
export interface ProbeOptions {
  readonly description: ConfigDescription;
  readonly routeKey: string;
  /** What counts in place of the backend's own parent, where it has one; `undefined` for that one. */
  readonly parent: string | undefined;
  /** Whether the backend is asked for the span. */
  readonly isConfirmed: boolean;
  /** Where Braintrust backends have their pages. */
  readonly app: BraintrustApp;
}

/** Sends a marked span through one backend's own exporter, once. Never rejects. */
export async function probeBackend(
  backend: Backend,
  { description, routeKey, parent, isConfirmed, app }: ProbeOptions,
): Promise<ProbeResult> {
  const { routeAttribute, maxBufferedBytes } = description.resolved;
  const span = createProbeSpan(Date.now());
  const { traceId, spanId } = span.spanContext();
  const { url, proxy } = backend;
  const shown = backend.parentHeader === undefined ? undefined : (parent ?? backend.parent);
  const addresses = await addressesOf(proxy ?? url);
  const facts = {
    backend: backend.name,
    ...(url !== undefined && { url: maskUrl(url) }),
    ...(proxy !== undefined && { proxy: maskUrl(proxy) }),
    addresses,
    traceId,
    spanId,
    ...(shown !== undefined && { logs: logsLink(shown.trim(), app) }),
  };
  // From the environment, only the console is an exporter without a URL.
  if (backend.delivery.kind === 'exporter' && url === undefined) {
    return { ...facts, status: 'skipped' };
  }
  const sent = await deliver(backend, {
    span,
    routeKey,
    parent,
    routeAttribute,
    maxBufferedBytes,
  });
  const outcome = readOutcome(sent, backend, description);
  if (outcome.status !== 'delivered' || !isConfirmed) return { ...facts, ...outcome };
  return { ...facts, ...outcome, confirmation: await confirm(backend, span) };
}

type Outcome = Pick<ProbeResult, 'status' | 'httpStatus' | 'latencyMs' | 'warning' | 'failure'>;

function readOutcome(
  sent: Sent | undefined,
  backend: Backend,
  description: ConfigDescription,
): Outcome {
  const failure =
    sent === undefined
      ? { outcome: 'retryable', message: 'no answer', errorType: 'timeout' }
      : failureOf(sent.result);
  const latency = sent === undefined ? {} : { latencyMs: Math.round(sent.durationMs) };
  if (failure !== undefined) {
    const { errorType, httpStatus } = failure;
    const diagnosis = diagnose(failure, { backend, at: placesOf(backend.name, description) });
    return {
      status: 'failed',
      ...latency,
      ...(httpStatus !== undefined && { httpStatus }),
      failure: { errorType, ...diagnosis },
    };
  }
  const result = sent?.result;
  if (result?.status !== 'success') return { status: 'delivered', ...latency };
  const { httpStatus, message } = result;
  return {
    status: 'delivered',
    ...latency,
    ...(httpStatus !== undefined && { httpStatus }),
    ...(message !== undefined && { warning: message }),
  };
}

/** Of two settings of which a backend can have one, the one that it has. */
const alternatives: Readonly<Partial<Record<BackendKey, BackendKey>>> = {
  endpoint: 'tracesEndpoint',
  apiKey: 'apiKeyFile',
};

function placesOf(
  name: string,
  { backends, template, where }: ConfigDescription,
): (key: BackendKey) => string {
  // What is no configured backend has been made by the template.
  const own = backends.get(name);
  const path = own === undefined ? ['template'] : ['backends', name];
  const given = new Set(
    (own ?? template)?.flatMap(({ key, origin }) => ('where' in origin ? [key] : [])),
  );
  return (key) => {
    const other = alternatives[key];
    const found = other !== undefined && !given.has(key) && given.has(other) ? other : key;
    return where([...path, found]);
  };
}

/** Asked of the resolver that connections ask; an address is its own. */
async function addressesOf(url: string | undefined): Promise<string[]> {
  if (url === undefined) return [];
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0) return [host];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    // The probe itself will meet the same, and say so.
    return [];
  }
}
