import fc from 'fast-check';
import type { ReceivedRequest } from '../../src/receiver/received.js';
import type { ReceiverOptions } from '../../src/receiver/receiver.js';
import { partialSuccess } from '../helpers/receiver.js';

/** What goes wrong with one request. */
export type Fault =
  /** It is read, and not answered: the sender can not know that it arrived. */
  | { readonly kind: 'lostAnswer' }
  /** The connection breaks before the body is read. */
  | { readonly kind: 'reset' }
  /** A status that asks for another attempt, at once. */
  | { readonly kind: 'retryable'; readonly status: 429 | 502 | 503 | 504 }
  | { readonly kind: 'final'; readonly status: 400 | 401 | 404 | 500 }
  | { readonly kind: 'tooLarge' }
  /** It is taken, but for so many spans; more than there are means all. */
  | { readonly kind: 'partialSuccess'; readonly rejectedSpans: number }
  /** Nothing: it is taken, after those that came later. */
  | { readonly kind: 'slow' };

/** The faults of one backend, in the order in which its requests meet them. */
export const faults: fc.Arbitrary<Fault[]> = fc.array(
  fc.oneof(
    fc.constant({ kind: 'lostAnswer' as const }),
    fc.constant({ kind: 'reset' as const }),
    fc.record({
      kind: fc.constant('retryable' as const),
      status: fc.constantFrom(429 as const, 502 as const, 503 as const, 504 as const),
    }),
    fc.record({
      kind: fc.constant('final' as const),
      status: fc.constantFrom(400 as const, 401 as const, 404 as const, 500 as const),
    }),
    fc.constant({ kind: 'tooLarge' as const }),
    fc.record({ kind: fc.constant('partialSuccess' as const), rejectedSpans: fc.nat(4) }),
    fc.constant({ kind: 'slow' as const }),
  ),
  // The waits between attempts are real ones.
  { maxLength: 4 },
);

/** How a receiver acts out a script of faults; it takes what comes after their end. */
export interface FaultScript extends Pick<ReceiverOptions, 'answer' | 'intercept'> {
  /** How many spans of a request that was answered with 200 were rejected. */
  rejectedSpansOf(request: Pick<ReceivedRequest, 'body'>): number;
}

/** Creates a script of these faults. */
export function createFaultScript(script: readonly Fault[]): FaultScript {
  const left = [...script];
  const rejected = new Map<Uint8Array, number>();
  return {
    rejectedSpansOf: ({ body }) => rejected.get(body) ?? 0,
    intercept(request) {
      if (left[0]?.kind !== 'reset') return false;
      left.shift();
      request.once('data', () => request.destroy());
      return true;
    },
    async answer(request) {
      const fault = left.shift();
      switch (fault?.kind) {
        case undefined:
          return undefined;
        // A reset that this request was too early for: it has been read by now.
        case 'reset':
        case 'lostAnswer':
          return 'none';
        case 'retryable':
          return { status: fault.status, headers: { 'retry-after': '0' } };
        case 'final':
          return { status: fault.status };
        case 'tooLarge':
          return { status: 413 };
        case 'slow':
          await new Promise((resolve) => setTimeout(resolve, 20));
          return undefined;
        case 'partialSuccess': {
          const rejectedSpans = Math.min(fault.rejectedSpans, request.spans.length);
          rejected.set(request.body, rejectedSpans);
          return partialSuccess(request, fault.rejectedSpans, 'as the script says');
        }
      }
    },
  };
}
