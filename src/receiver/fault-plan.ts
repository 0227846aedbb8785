import type { Clock } from '../clock.js';
import type { Answer } from './receiver.js';

/** A backend that is to answer with a failure, for a while or for good. */
export interface Failure {
  /** `undefined` means all. */
  readonly backend: string | undefined;
  readonly httpStatus: number;
  /** From the start; `undefined` means always. */
  readonly durationMs: number | undefined;
}

/** A backend that is to answer late. */
export interface Delay {
  /** `undefined` means all. */
  readonly backend: string | undefined;
  readonly delayMs: number;
}

/** Makes backends sick, as it was told. */
export interface FaultPlan {
  /** For the receiver's `answer`. */
  answer(request: { readonly backend: string | undefined }): Promise<Answer | undefined>;
  /** What `backend` suffers from now, in words. */
  describe(backend: string): string | undefined;
}

/**
 * Reads `busy=503:30s`: the backend, the status of its answers, and for how long; `503` alone is every backend's,
 * and without a time it lasts.
 */
export function parseFailure(text: string): Failure | undefined {
  const match = /^(?:([^=]+)=)?([45]\d\d)(?::(\S+))?$/.exec(text);
  if (match === null) return undefined;
  const [, backend, status, duration] = match;
  const durationMs = duration === undefined ? undefined : parseDuration(duration);
  if (duration !== undefined && durationMs === undefined) return undefined;
  return { backend, httpStatus: Number(status), durationMs };
}

/** Reads `busy=2s`: the backend, and how late it answers; `200ms` alone is every backend's. */
export function parseDelay(text: string): Delay | undefined {
  const match = /^(?:([^=]+)=)?([^=]+)$/.exec(text);
  const delayMs = parseDuration(match?.[2] ?? '');
  return delayMs === undefined ? undefined : { backend: match?.[1], delayMs };
}

const UNITS_MS: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1_000, m: 60_000 };

/** Reads `200`, `200ms`, `1.5s` or `2m`, in milliseconds; up to a day. */
function parseDuration(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS_MS[unit] ?? Number.NaN);
  return ms <= 86_400_000 ? ms : undefined;
}

/** Creates a plan whose times begin now. Of several for one backend, the last that applies counts. */
export function createFaultPlan(
  failures: readonly Failure[],
  delays: readonly Delay[],
  clock: Clock,
): FaultPlan {
  const startedAt = clock.now();

  function failureOf(backend: string | undefined): Failure | undefined {
    const passedMs = clock.now() - startedAt;
    return failures.findLast(
      (failure) =>
        applies(failure, backend) &&
        (failure.durationMs === undefined || passedMs < failure.durationMs),
    );
  }

  return {
    async answer({ backend }) {
      const delay = delays.findLast((each) => applies(each, backend));
      if (delay !== undefined) {
        await new Promise<void>((resolve) => {
          clock.schedule(resolve, delay.delayMs);
        });
      }
      const failure = failureOf(backend);
      return failure === undefined ? undefined : { status: failure.httpStatus };
    },
    describe(backend) {
      const failure = failureOf(backend);
      const delay = delays.findLast((each) => applies(each, backend));
      const parts = [
        ...(failure === undefined ? [] : [`answers ${failure.httpStatus}`]),
        ...(delay === undefined ? [] : [`${delay.delayMs} ms late`]),
      ];
      return parts.length === 0 ? undefined : parts.join(', ');
    },
  };
}

function applies({ backend }: Failure | Delay, name: string | undefined): boolean {
  return backend === undefined || backend === (name ?? '');
}
