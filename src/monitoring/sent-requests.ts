import type { Sent } from '../exporter/observed.js';
import type { SendResult } from '../transport/result.js';
import { boundedErrorType } from './error-type.js';

/** One request to a backend, as it may be told of. */
export interface SentRequest {
  /** The name that it may be told under. */
  readonly backend: string;
  readonly status: SendResult['status'];
  readonly spans: number;
  readonly rejectedSpans: number;
  /** Of the body, as it was sent; 0 for an exporter made elsewhere. */
  readonly bytes: number;
  readonly httpStatus: number | undefined;
  /** Absent for a success. */
  readonly errorType: string | undefined;
  /** Epoch milliseconds. */
  readonly endedAtMs: number;
  readonly durationMs: number;
}

/** What a request came to, without any word of the backend. */
export function describeSent(
  backend: string,
  { result, durationMs, spans, bytes }: Sent,
  endedAtMs: number,
): SentRequest {
  const facts = { backend, status: result.status, spans, bytes, endedAtMs, durationMs };
  if (result.status === 'success') {
    const { rejectedSpans, httpStatus } = result;
    const errorType = rejectedSpans > 0 ? 'rejected' : undefined;
    return { ...facts, rejectedSpans, httpStatus, errorType };
  }
  const { httpStatus, errorType } = result.failure;
  return { ...facts, rejectedSpans: 0, httpStatus, errorType: boundedErrorType(errorType) };
}

/** Requests until somebody asks for them: the first so many, and how many more there were. */
export interface SentRequests {
  add(request: SentRequest): void;
  take(): readonly SentRequest[];
  /** What could not be told is told the next time. */
  putBack(requests: readonly SentRequest[]): void;
  /** How many had no place, ever. */
  readonly lost: number;
}

/**
 * How many requests are kept from one report to the next. A request carries hundreds of spans, and takes some hundred
 * bytes here: a service that sends more than 2,000 a minute knows enough by the first of them.
 */
const CAPACITY = 2_000;

/** Creates the list, empty. */
export function createSentRequests(): SentRequests {
  let requests: SentRequest[] = [];
  let lost = 0;
  return {
    add(request) {
      if (requests.length < CAPACITY) requests.push(request);
      else lost += 1;
    },
    take() {
      const taken = requests;
      requests = [];
      return taken;
    },
    putBack(taken) {
      const all = [...taken, ...requests];
      requests = all.slice(0, CAPACITY);
      lost += all.length - requests.length;
    },
    get lost() {
      return lost;
    },
  };
}
