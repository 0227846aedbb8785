import type { Clock } from '../clock.js';
import type { SendResult } from '../transport/result.js';
import type { Courier, Parcel } from './courier.js';

/** A parcel that says how many spans it has, or has them. */
export interface CountedParcel extends Parcel {
  readonly spans: number | readonly unknown[];
}

/** One request to a backend, and what became of it. */
export interface Sent {
  readonly result: SendResult;
  /** From the request to its answer, a new connection included, in milliseconds. */
  readonly durationMs: number;
  readonly spans: number;
  /** Of the body, as it was sent; 0 for an exporter made elsewhere. */
  readonly bytes: number;
}

/** Is told of each request to a backend when it has ended. Must not throw. */
export type ObserveSent = (backend: string, sent: Sent) => void;

/** The courier, with each request told of. Once per request, never per span. */
export function withObserver<P extends CountedParcel>(
  courier: Courier<P>,
  backend: string,
  clock: Pick<Clock, 'now'>,
  observe: ObserveSent,
): Courier<P> {
  return {
    ...courier,
    async send(parcel, signal) {
      const startMs = clock.now();
      const result = await courier.send(parcel, signal);
      const { bytes, spans } = parcel;
      const count = typeof spans === 'number' ? spans : spans.length;
      observe(backend, { result, durationMs: clock.now() - startMs, spans: count, bytes });
      return result;
    },
  };
}

/** A request that did not come to what it was sent for, in words that may be logged. */
export interface FailedSend {
  /** The result's status, or `rejected` where the backend took the request and not all of its spans. */
  readonly outcome: string;
  readonly message: string;
  /** The HTTP status, or the error's code. */
  readonly errorType: string;
  readonly httpStatus?: number;
}

/** What went wrong with a request; `undefined` for nothing. */
export function failureOf(result: SendResult): FailedSend | undefined {
  if (result.status !== 'success') return { outcome: result.status, ...result.failure };
  const { rejectedSpans, message, httpStatus } = result;
  if (rejectedSpans === 0) return undefined;
  const count = rejectedSpans === 1 ? '1 span' : `${rejectedSpans} spans`;
  return {
    outcome: 'rejected',
    message: message === undefined ? `${count} rejected` : `${count} rejected: ${message}`,
    errorType: 'rejected',
    ...(httpStatus !== undefined && { httpStatus }),
  };
}
