import { encodeProtobufResponse } from '../../src/receiver/protobuf.js';
import type {
  AnyValue,
  KeyValue,
  ReceivedRequest,
  ReceivedSpan,
} from '../../src/receiver/received.js';
import { type Answer, createReceiver, type ReceiverOptions } from '../../src/receiver/receiver.js';

/** What a test receiver has seen. */
export interface RecordedRequest extends ReceivedRequest {
  /** What it was answered with; `undefined` where it got no answer. */
  readonly httpStatus: number | undefined;
}

/** A running receiver that keeps every request. */
export interface TestReceiver {
  /** Base URL, such as `http://127.0.0.1:40123`; a backend's is `${url}/<backend>`. */
  readonly url: string;
  readonly port: number;
  /** Every request that could be decoded, in the order of its answers. */
  readonly requests: readonly RecordedRequest[];
  /** The spans of what it took, also where the answer was lost; of one backend where named. */
  spans(backend?: string): ReceivedSpan[];
  /** Resolves with `spans(backend)` once there are `count` of them. */
  waitForSpans(count: number, backend?: string): Promise<ReceivedSpan[]>;
  /** Resolves with `requests` once there are `count` of them, whatever they were answered. */
  waitForRequests(count: number): Promise<readonly RecordedRequest[]>;
  stop(): Promise<void>;
}

// Longer than any test needs and shorter than a test may take: a failure then says what is missing.
const PATIENCE_MS = 20_000;

/** Starts a receiver on a free port of 127.0.0.1. */
export async function startReceiver(
  options: Omit<ReceiverOptions, 'onRequest' | 'host' | 'port'> = {},
): Promise<TestReceiver> {
  const requests: RecordedRequest[] = [];
  const waiting = new Set<() => void>();
  const receiver = createReceiver({
    ...options,
    onRequest(request, httpStatus) {
      requests.push({ ...request, httpStatus });
      for (const check of waiting) check();
    },
  });
  const { url, port } = await receiver.start();

  function spans(backend?: string): ReceivedSpan[] {
    return requests
      .filter((request) => backend === undefined || request.backend === backend)
      .filter(({ httpStatus = 200 }) => httpStatus < 300)
      .flatMap((request) => request.spans);
  }

  function waitFor(count: number, arrived: () => number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(check);
        reject(new Error(`waited for ${count} ${what}; ${arrived()} have arrived`));
      }, PATIENCE_MS);
      function check(): void {
        if (arrived() < count) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve();
      }
      waiting.add(check);
      check();
    });
  }

  return {
    url,
    port,
    requests,
    spans,
    async waitForSpans(count, backend) {
      await waitFor(count, () => spans(backend).length, `spans of ${backend ?? 'any backend'}`);
      return spans(backend);
    },
    async waitForRequests(count) {
      await waitFor(count, () => requests.length, 'requests');
      return requests;
    },
    stop: () => receiver.stop(),
  };
}

/** The answer that takes a request but for `rejectedSpans` of it, in the request's own encoding. */
export function partialSuccess(
  request: ReceivedRequest,
  rejectedSpans: number,
  errorMessage = '',
): Answer {
  const body =
    request.headers['content-type'] === 'application/json'
      ? JSON.stringify({ partialSuccess: { rejectedSpans: String(rejectedSpans), errorMessage } })
      : encodeProtobufResponse({ rejectedSpans, errorMessage });
  return { body };
}

/** Attributes as JavaScript values, for tests that ask for contents and not for types: integers are numbers. */
export function plainAttributes(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function plain(any: AnyValue): unknown {
  switch (any.type) {
    case 'int':
      return Number(any.value);
    case 'array':
      return any.value.map(plain);
    case 'kvlist':
      return plainAttributes(any.value);
    default:
      return any.value;
  }
}
