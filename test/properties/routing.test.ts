import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import fc from 'fast-check';
import { afterAll, beforeAll, it } from 'vitest';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { runs } from '../helpers/runs.js';
import { operations } from './operations.js';
import { runScenario } from './scenario.js';
import { backendNames, setup } from './setups.js';

const { parameters, timeoutMs } = runs(350);
const receivers = new Map<string, TestReceiver>();

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  for (const name of backendNames) receivers.set(name, await startReceiver());
});

afterAll(async () => {
  context.disable();
  await Promise.all(Array.from(receivers.values(), (receiver) => receiver.stop()));
});

it(
  'delivers every span to its own backends, once, or counts why it did not',
  async () => {
    const scenario = fc.record({
      setups: fc.oneof(
        { weight: 4, arbitrary: fc.tuple(setup) },
        { weight: 1, arbitrary: fc.tuple(setup, setup) },
      ),
      hasLowLimits: fc.boolean(),
      operations,
      isDrained: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(scenario, (given) => runScenario(given, receivers)),
      parameters,
    );
  },
  timeoutMs,
);
