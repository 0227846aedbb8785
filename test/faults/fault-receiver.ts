import { onTestFinished } from 'vitest';
import type { ReceiverOptions } from '../../src/receiver/receiver.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';

/** A receiver that lasts as long as its test, and what came to it before anything went wrong. */
export interface FaultReceiver extends TestReceiver {
  /** How many requests have begun, broken ones included. */
  readonly attempts: number;
  /** Ids of all spans that were read, whatever they were answered, once for each time. */
  readonly arrived: readonly string[];
  /** Those of `arrived` that were not refused: they count as delivered, or had no answer. */
  readonly taken: readonly string[];
}

/** How a receiver fails; without anything it does not. */
export type FaultOptions = Omit<ReceiverOptions, 'onRequest' | 'host' | 'port'>;

/** Starts a receiver that fails as the options say. */
export async function startFaultReceiver(options: FaultOptions = {}): Promise<FaultReceiver> {
  const read: { readonly ids: readonly string[]; isRefused: boolean }[] = [];
  let attempts = 0;
  const receiver = await startReceiver({
    ...options,
    intercept(request, response) {
      attempts += 1;
      return options.intercept?.(request, response) ?? false;
    },
    async answer(request) {
      const entry = { ids: request.spans.map(({ spanId }) => spanId), isRefused: false };
      read.push(entry);
      const answer = await options.answer?.(request);
      entry.isRefused = typeof answer === 'object' && (answer.status ?? 200) >= 300;
      return answer;
    },
  });
  onTestFinished(() => receiver.stop());
  return {
    ...receiver,
    get arrived() {
      return read.flatMap(({ ids }) => ids);
    },
    get taken() {
      return read.filter(({ isRefused }) => !isRefused).flatMap(({ ids }) => ids);
    },
    get attempts() {
      return attempts;
    },
  };
}

/** Fails the first request alone. */
export function failOnce({ answer, intercept, ...options }: FaultOptions): FaultOptions {
  let toAnswer = answer;
  let toIntercept = intercept;
  return {
    ...options,
    answer(request) {
      const first = toAnswer;
      toAnswer = undefined;
      return first?.(request);
    },
    intercept(request, response) {
      const first = toIntercept;
      toIntercept = undefined;
      return first?.(request, response) ?? false;
    },
  };
}

/** Breaks the connection when some of the body has been read. */
export const resetInMidBody: FaultOptions = {
  intercept(request) {
    request.once('data', () => request.socket.resetAndDestroy());
    return true;
  },
};

/** Reads the request, and breaks the connection instead of an answer. */
export const loseAnswer: FaultOptions = { answer: () => 'none' };

/** Reads the request, and never answers. */
export const hang: FaultOptions = { answer: () => new Promise(() => {}) };

/** Reads the request, and writes this on the connection in place of an answer of its own. */
export function answerRaw(text: string, then: 'close' | 'wait' = 'close'): FaultOptions {
  return {
    answer: () => new Promise(() => {}),
    intercept(request) {
      request.once('end', () => {
        request.socket.write(text);
        if (then === 'close') request.socket.end();
      });
      return false;
    },
  };
}
