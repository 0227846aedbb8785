import { describe, expect, it } from 'vitest';
import type { BackendConfig } from '../../src/index.js';
import {
  answerRaw,
  type FaultOptions,
  failOnce,
  hang,
  loseAnswer,
  resetInMidBody,
  startFaultReceiver,
} from './fault-receiver.js';
import { named } from './named.js';
import { startWatchedService } from './watched-service.js';

const SPANS = 5;

/** A fault of the first request alone. */
interface PassingFault {
  readonly fault: string;
  readonly options: FaultOptions;
  readonly config?: BackendConfig;
  /** How often the backend takes each span: twice where an answer was lost, and only there. */
  readonly times: 1 | 2;
}

const inTwoSeconds = () => new Date(Date.now() + 2_000).toUTCString();

const faults: readonly PassingFault[] = [
  { fault: 'a connection that is reset in mid-body', options: resetInMidBody, times: 1 },
  { fault: 'an answer that is lost', options: loseAnswer, times: 2 },
  {
    fault: 'an answer that breaks off',
    options: answerRaw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{'),
    times: 2,
  },
  { fault: 'a request that hangs', options: hang, config: { timeoutMs: 1_000 }, times: 2 },
  ...[429, 502, 503, 504].map(
    (status): PassingFault => ({
      fault: `HTTP ${status}`,
      options: { answer: () => ({ status }) },
      times: 1,
    }),
  ),
  {
    fault: 'HTTP 429 with a Retry-After that can not be read',
    options: { answer: () => ({ status: 429, headers: { 'retry-after': 'soon' } }) },
    times: 1,
  },
  {
    fault: 'HTTP 429 with a Retry-After that has passed',
    options: {
      answer: () => ({ status: 429, headers: { 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' } }),
    },
    times: 1,
  },
];

describe('a backend with a fault that passes', () => {
  it.each(named('fault', faults))('%s: is sent the batch again', async (_, row) => {
    const { options, config, times } = row;
    const sick = await startFaultReceiver(failOnce(options));
    const healthy = await startFaultReceiver();
    const service = startWatchedService({
      backends: {
        sick: { ...config, endpoint: `${sick.url}/sick` },
        healthy: { endpoint: `${healthy.url}/healthy` },
      },
    });

    const sickIds = service.makeSpans('sick', SPANS);
    const healthyIds = service.makeSpans('healthy', SPANS);
    await service.processor.forceFlush();

    expect(service.backend('sick')).toMatchObject({
      accepted: SPANS,
      delivered: SPANS,
      dropped: {},
      state: 'up',
    });
    const expected = Array.from({ length: times }, () => sickIds).flat();
    expect(sick.taken).toEqual(expected);
    expect(sick.attempts).toBe(2);
    expect(service.backend('healthy')).toMatchObject({ delivered: SPANS, dropped: {} });
    expect(healthy.arrived).toEqual(healthyIds);
    expect(healthy.attempts).toBe(1);
  });

  it.each([
    ['in seconds', () => '1'],
    ['as a date', inTwoSeconds],
  ])('that asks for a wait %s is left alone for so long', async (_, retryAfter) => {
    const order: string[] = [];
    const sick = await startFaultReceiver({
      answer() {
        order.push('request');
        if (order.length > 1) return undefined;
        // Longer than the longest first backoff, and shorter than the wait that is asked for.
        setTimeout(() => order.push('750 ms'), 750);
        return { status: 429, headers: { 'retry-after': retryAfter() } };
      },
    });
    const service = startWatchedService({
      backends: { sick: { endpoint: sick.url, maxExportBatchSize: 1, maxConcurrentExports: 1 } },
    });

    service.makeSpans('sick', 2);
    await service.processor.forceFlush();

    expect(order).toEqual(['request', '750 ms', 'request', 'request']);
    expect(service.backend('sick')).toMatchObject({ delivered: 2, dropped: {}, state: 'up' });
  });

  it('is slow: what it takes at last is delivered once, and nobody waits for it', async () => {
    let answerNow = (): void => {};
    const answered = new Promise<undefined>((resolve) => {
      answerNow = () => resolve(undefined);
    });
    const sick = await startFaultReceiver({ answer: () => answered });
    const healthy = await startFaultReceiver();
    const service = startWatchedService({
      backends: { sick: { endpoint: sick.url }, healthy: { endpoint: healthy.url } },
    });

    const sickIds = service.makeSpans('sick', SPANS);
    service.makeSpans('healthy', SPANS);
    const flushed = service.processor.forceFlush();
    await service.until(({ backends }) => backends.healthy?.delivered === SPANS);
    await service.until(({ backends }) => backends.sick?.inFlight === SPANS);
    service.makeSpans('healthy', SPANS);
    const again = service.processor.forceFlush();
    await service.until(({ backends }) => backends.healthy?.delivered === 2 * SPANS);
    expect(service.backend('sick').delivered).toBe(0);
    answerNow();
    await Promise.all([flushed, again]);

    expect(service.backend('sick')).toMatchObject({ delivered: SPANS, dropped: {}, state: 'up' });
    expect(sick.arrived).toEqual(sickIds);
    expect(sick.attempts).toBe(1);
  });

  it('closes each connection after its answer, without a word: nothing is lost or repeated', async () => {
    const sick = await startFaultReceiver({
      intercept(request, response) {
        response.on('finish', () => request.socket.destroy());
        return false;
      },
    });
    const service = startWatchedService({ backends: { sick: { endpoint: sick.url } } });

    const ids: string[] = [];
    for (let batch = 0; batch < 5; batch += 1) {
      ids.push(...service.makeSpans('sick', SPANS));
      await service.processor.forceFlush();
    }

    expect(service.backend('sick')).toMatchObject({ delivered: ids.length, dropped: {} });
    expect(new Set(sick.arrived)).toEqual(new Set(ids));
  });
});
