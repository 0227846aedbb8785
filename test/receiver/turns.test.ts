import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createTurns } from '../../src/receiver/turns.js';

test('runs one task at a time, in order, also behind one that fails', async () => {
  const inTurn = createTurns();
  const steps: string[] = [];
  const run = (name: string) =>
    inTurn(async () => {
      steps.push(`${name} begins`);
      await setImmediate();
      steps.push(`${name} ends`);
      if (name === 'b') throw new Error(name);
      return name;
    });

  const results = await Promise.allSettled([run('a'), run('b'), run('c')]);

  expect(results).toMatchObject([{ value: 'a' }, { reason: { message: 'b' } }, { value: 'c' }]);
  expect(steps).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]));
});

test('lets other work run between two tasks', async () => {
  const inTurn = createTurns();
  const steps: string[] = [];
  const first = inTurn(() => {
    globalThis.setImmediate(() => steps.push('other work'));
  });
  await Promise.all([first, inTurn(() => steps.push('second task'))]);
  expect(steps).toEqual(['other work', 'second task']);
});
