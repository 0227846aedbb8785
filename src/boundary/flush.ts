import { context } from '@opentelemetry/api';
import { startDeadline } from '../deadline.js';
import { decisionInForce } from '../routing/binding.js';
import { whenIdle } from '../routing/decision.js';
import { type Decision, registry } from '../routing/registry.js';
import { createSystemClock } from '../system-clock.js';

/**
 * How long a request's flush waits by default: what serverless platforms leave an invocation after its response is
 * counted in seconds, and is paid for.
 */
const DEFAULT_TIMEOUT_MS = 5_000;

const clock = createSystemClock();

/** What `flushRequest` takes. */
export interface FlushRequestOptions {
  /**
   * Longest wait, in milliseconds.
   *
   * @default 5_000
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * Sends what the request in force here has ended so far, and resolves when that is settled: delivered, or dropped
 * with a reason. For platforms that stop the process between requests; it waits for no other request's spans.
 *
 * Spans that are parked, since the request's key has not come, stay parked, and are not waited for; nor are spans
 * that have not ended, such as the server's own, which ends with the response: `routeRequests` has `waitUntil`
 * for these. Inside `withRoute` it is that scope alone.
 *
 * Where no request is in force there is nothing to wait for.
 *
 * @returns a promise that resolves in any case, after `timeoutMs` at the latest.
 */
export function flushRequest(options: FlushRequestOptions = {}): Promise<void> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const decision = decisionInForce(context.active());
  return decision === undefined ? Promise.resolve() : flushDecision(decision, timeoutMs);
}

/**
 * Resolves when a request is over and its spans are settled, the root included.
 *
 * @param closed - Resolves when the response has closed. Spans that are open then are waited for as long as the
 *   flush itself may take.
 */
export async function flushAfter(decision: Decision, closed: Promise<void>): Promise<void> {
  const idle = new Promise<void>((resolve) => whenIdle(decision, resolve));
  await closed;
  const { passed, cancel } = startDeadline(clock, DEFAULT_TIMEOUT_MS);
  await Promise.race([idle, passed]);
  cancel();
  await flushDecision(decision, DEFAULT_TIMEOUT_MS);
}

async function flushDecision(decision: Decision, timeoutMs: number): Promise<void> {
  const { passed, cancel } = startDeadline(clock, timeoutMs);
  const flushes = Array.from(registry().listeners, (listener) => listener.flush(decision, passed));
  await Promise.all(flushes);
  cancel();
}
