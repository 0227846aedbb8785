import { setMaxListeners } from 'node:events';
import type { Dispatcher } from 'undici';
import { TransportError, toError } from './failure.js';

/** A response, read to its end or to the limit. */
export interface Answer {
  readonly httpStatus: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** `undefined` where it was longer than the limit. */
  readonly body: Uint8Array | undefined;
}

/** What one exchange may take. */
export interface ExchangeLimits {
  /** Longest it may take, connection and answer included. */
  readonly timeoutMs: number;
  /** Longest body that is read; a longer one costs the connection. */
  readonly maxResponseBytes: number;
  /** Each of them aborts it. */
  readonly signals: readonly AbortSignal[];
}

/**
 * Sends one request through a dispatcher and reads the answer, or says why there is none. Never rejects.
 *
 * It speaks to `dispatch` and not to `request`, because only a handler of its own can give up on a request
 * that still waits for its connection, and hold back an answer. What ends it early destroys the socket.
 */
export function exchange(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  { timeoutMs, maxResponseBytes, signals }: ExchangeLimits,
): Promise<Answer | Error> {
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | undefined;
    let givenUp: Error | undefined;
    let httpStatus = 0;
    let headers: Answer['headers'] = {};
    let chunks: Buffer[] = [];
    let length = 0;

    let settled = false;

    const settle = (pass: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', onAbort);
      pass();
    };
    const giveUp = (reason: Error, outcome: Answer | Error = reason): void => {
      settle(() => resolve(outcome));
      givenUp = reason;
      try {
        controller?.abort(reason);
      } catch {
        // A dispatcher made elsewhere. Nobody waits for this request any more, and above us is a timer.
      }
    };
    const onAbort = (): void => giveUp(new TransportError('aborted', 'the request was aborted'));
    const onTimeout = (): void =>
      giveUp(new TransportError('timeout', `not answered within ${timeoutMs} ms`));

    // The socket in use keeps the process alive for as long; the timer needs not.
    const timer = setTimeout(onTimeout, timeoutMs).unref();
    if (signals.some((signal) => signal.aborted)) {
      onAbort();
      return;
    }
    // Each request in flight listens to the same signals: many listeners are no leak here.
    setMaxListeners(0, ...signals);
    for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started;
        // It waited for a connection until nobody waited for it.
        if (givenUp !== undefined) started.abort(givenUp);
      },
      onResponseStart(_controller, status, received) {
        httpStatus = status;
        headers = received;
        chunks = [];
        length = 0;
      },
      onResponseData(_controller, chunk) {
        length += chunk.length;
        if (length > maxResponseBytes) {
          const reason = new TransportError(
            'oversized',
            `answered with over ${maxResponseBytes} bytes`,
          );
          giveUp(reason, { httpStatus, headers, body: undefined });
        } else {
          chunks.push(chunk);
        }
      },
      onResponseEnd() {
        const answer = { httpStatus, headers, body: Buffer.concat(chunks, length) };
        // undici frees the connection a turn of the event loop from here, by an immediate that it sets once
        // this returns. Who sends next must find it free, or is given a second one.
        settle(() => queueMicrotask(() => setImmediate(resolve, answer)));
      },
      onResponseError(_controller, error) {
        settle(() => resolve(toError(error)));
      },
    };

    try {
      dispatcher.dispatch(options, handler);
    } catch (error) {
      // undici reports to the handler; a dispatcher made elsewhere may throw.
      settle(() => resolve(isOfOlderUndici(error) ? tooOld(error) : toError(error)));
    }
  });
}

/** A dispatcher of undici 6, such as the one behind Node 20's own `fetch`, knows no handler of this kind. */
function isOfOlderUndici(error: unknown): error is Error {
  return error instanceof Error && /^invalid on\w+ method$/.test(error.message);
}

function tooOld(cause: Error): TransportError {
  const message = 'the dispatcher is of an undici older than 7';
  return new TransportError('dispatcher_too_old', message, { cause, isFinal: true });
}
