import { Agent, type Dispatcher } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BackendStats } from '../../src/index.js';
import { startFaultReceiver } from './fault-receiver.js';
import { named } from './named.js';
import { SECRET, startWatchedService } from './watched-service.js';

const SPANS = 5;
const ATTEMPT = { retryMaxElapsedMs: 0, timeoutMs: 1_000 };
const exhausted = { delivered: 0, dropped: { retry_exhausted: SPANS }, state: 'degraded' } as const;

type Dispatch = Dispatcher['dispatch'];

/** An agent whose requests are dispatched as a test says. */
function createAgent(compose: (dispatch: Dispatch) => Dispatch): {
  readonly agent: Agent;
  readonly dispatcher: Dispatcher;
} {
  const agent = new Agent();
  onTestFinished(() => agent.destroy());
  return { agent, dispatcher: agent.compose(compose) };
}

describe("the application's own dispatcher", () => {
  const failure = new Error(`no way in with ${SECRET}-key`);
  const cases: readonly {
    readonly what: string;
    readonly compose: (dispatch: Dispatch) => Dispatch;
    readonly expected: Pick<BackendStats, 'delivered' | 'dropped' | 'state'>;
    readonly arrived: 0 | 1;
  }[] = [
    {
      what: 'delivers',
      compose: (dispatch) => dispatch,
      expected: { delivered: SPANS, dropped: {}, state: 'up' },
      arrived: 1,
    },
    {
      what: 'throws',
      compose: () => (_options, _handler) => {
        throw failure;
      },
      expected: exhausted,
      arrived: 0,
    },
    {
      what: 'throws what is no error',
      compose: () => (_options, _handler) => {
        throw `${SECRET}-key`;
      },
      expected: exhausted,
      arrived: 0,
    },
    {
      what: 'reports a failure',
      compose: () => (_options, handler) => {
        setImmediate(() => handler.onResponseError?.(Object.create(null), failure));
        return true;
      },
      expected: exhausted,
      arrived: 0,
    },
    {
      what: 'reports a failure, and then throws',
      compose: () => (_options, handler) => {
        handler.onResponseError?.(Object.create(null), failure);
        throw failure;
      },
      expected: exhausted,
      arrived: 0,
    },
    {
      what: 'delivers, and then throws',
      compose: (dispatch) => (options, handler) => {
        dispatch(options, handler);
        throw failure;
      },
      expected: exhausted,
      arrived: 1,
    },
    {
      what: 'never does anything',
      compose: () => (_options, _handler) => true,
      expected: exhausted,
      arrived: 0,
    },
  ];

  it.each(named('what', cases))('%s: each span is counted once', async (_, row) => {
    const { compose, expected, arrived } = row;
    const sick = await startFaultReceiver();
    const healthy = await startFaultReceiver();
    const { agent, dispatcher } = createAgent(compose);
    const secrets = { apiKey: `${SECRET}-key` };
    const service = startWatchedService({
      backends: {
        sick: { ...ATTEMPT, ...secrets, endpoint: sick.url, dispatcher },
        healthy: { endpoint: healthy.url },
      },
      routes: { both: ['sick', 'healthy'] },
    });
    const ids = service.makeSpans('both', SPANS);
    await service.processor.forceFlush();

    expect(service.backend('sick')).toMatchObject({ accepted: SPANS, ...expected });
    expect(sick.attempts).toBe(arrived);
    expect(service.backend('healthy')).toMatchObject({ delivered: SPANS, dropped: {} });
    expect(healthy.arrived).toEqual(ids);
    await service.processor.shutdown();
    // It is the application's, which may have other uses for it.
    expect(agent.closed).toBe(false);
    await agent.destroy();
  });

  it('fails for a while: what it failed to send is sent once it works', async () => {
    let failures = 2;
    const receiver = await startFaultReceiver();
    const { agent, dispatcher } = createAgent((dispatch) => (options, handler) => {
      failures -= 1;
      if (failures >= 0) throw new Error('not yet');
      return dispatch(options, handler);
    });
    const service = startWatchedService({
      backends: { sick: { endpoint: receiver.url, dispatcher } },
    });

    const ids = service.makeSpans('sick', SPANS);
    await service.processor.forceFlush();

    expect(receiver.arrived).toEqual(ids);
    expect(service.backend('sick')).toMatchObject({ delivered: SPANS, dropped: {}, state: 'up' });
    await agent.destroy();
  });
});
