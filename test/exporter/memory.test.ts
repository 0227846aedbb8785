import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Account, createMemory, type Memory } from '../../src/exporter/memory.js';

/** A holder of items of some bytes each, which drops its newest first, and can pin its oldest. */
function createHolder(memory: Memory, givesWayFirst = false) {
  const items: number[] = [];
  const asked: number[] = [];
  let pinnedItems = 0;
  let hurried = 0;
  const account: Account = memory.open({
    givesWayFirst,
    giveWay(bytes) {
      asked.push(bytes);
      let freed = 0;
      // One that gives way first gives what is being sent too.
      while (freed < bytes && items.length > (givesWayFirst ? 0 : pinnedItems)) {
        const item = items.pop() ?? 0;
        freed += item;
        account.give(item);
      }
    },
    hurry() {
      hurried += 1;
    },
  });
  return {
    account,
    asked,
    items,
    get hurried() {
      return hurried;
    },
    take(bytes: number): boolean {
      const isTaken = account.take(bytes);
      if (isTaken) items.push(bytes);
      return isTaken;
    },
    pin(): boolean {
      const bytes = items[pinnedItems];
      if (bytes === undefined) return false;
      if (pinnedItems > 0 && account.pinned + bytes > account.pinLimit) return false;
      pinnedItems += 1;
      account.pin(bytes);
      return true;
    },
    settle(): void {
      if (pinnedItems === 0) return;
      pinnedItems -= 1;
      const bytes = items.shift() ?? 0;
      account.unpin(bytes);
      account.give(bytes);
    },
    empty(): void {
      while (pinnedItems > 0) this.settle();
      account.give(items.splice(0).reduce((sum, item) => sum + item, 0));
    },
  };
}

type TestHolder = ReturnType<typeof createHolder>;

function fill(holder: TestHolder, bytes: number, times: number): void {
  for (let time = 0; time < times; time += 1) holder.take(bytes);
}

describe('the budget of memory', () => {
  it('is one holder’s, whole, while nobody else holds anything', () => {
    const memory = createMemory(1000);
    const alone = createHolder(memory);
    fill(alone, 100, 10);
    expect(alone.account.held).toBe(1000);
    expect(alone.take(1)).toBe(false);
    expect(alone.asked).toEqual([]);
  });

  it('has the largest holder give way to one that is within its share', () => {
    const memory = createMemory(1000);
    const [hog, small, newcomer] = [
      createHolder(memory),
      createHolder(memory),
      createHolder(memory),
    ];
    fill(small, 10, 10);
    fill(hog, 10, 90);
    expect(newcomer.take(50)).toBe(true);
    expect(small.account.held).toBe(100);
    expect(newcomer.account.held).toBe(50);
    expect(memory.usedBytes).toBeLessThanOrEqual(1000);
    expect(hog.hurried).toBeGreaterThan(0);
  });

  it('lets one that is over its share take the place of a larger one, and not of a smaller one', () => {
    const memory = createMemory(1000);
    const [hog, middle, small] = [createHolder(memory), createHolder(memory), createHolder(memory)];
    fill(hog, 10, 100);
    fill(small, 10, 5);
    fill(middle, 10, 100);
    expect(small.account.held).toBe(50);
    expect(Math.abs(hog.account.held - middle.account.held)).toBeLessThanOrEqual(10);
    expect(middle.take(10)).toBe(false);
  });

  it('leaves room for a newcomer when those over their share ask', () => {
    const memory = createMemory(1200);
    const [hog, small] = [createHolder(memory), createHolder(memory)];
    fill(small, 10, 1);
    fill(hog, 10, 200);
    expect(memory.usedBytes).toBeLessThanOrEqual(800);
    expect(hog.account.held).toBeGreaterThan(600);
  });

  it('hurries every holder once, when half of it is taken', () => {
    const memory = createMemory(1000);
    const [first, second, empty] = [
      createHolder(memory),
      createHolder(memory),
      createHolder(memory),
    ];
    fill(first, 100, 3);
    fill(second, 100, 2);
    expect([first.hurried, second.hurried]).toEqual([0, 0]);
    fill(second, 100, 2);
    expect([first.hurried, second.hurried, empty.hurried]).toEqual([1, 1, 0]);
  });

  it('hurries again after it has been plenty', () => {
    const memory = createMemory(1000);
    const holder = createHolder(memory);
    fill(holder, 100, 7);
    holder.empty();
    fill(holder, 100, 7);
    expect(holder.hurried).toBe(2);
  });

  it('takes what is forced, and takes back what is over budget from those over their share', () => {
    const memory = createMemory(1000);
    const [hog, small] = [createHolder(memory), createHolder(memory)];
    fill(small, 10, 1);
    fill(hog, 10, 60);
    small.account.force(400);
    expect(small.account.held).toBe(410);
    expect(memory.usedBytes).toBeLessThanOrEqual(1000);
    small.account.force(600);
    expect(memory.usedBytes).toBeGreaterThan(1000);
  });

  it('limits what may be pinned only while it is short', () => {
    const memory = createMemory(1000);
    const [one, other] = [createHolder(memory), createHolder(memory)];
    fill(one, 100, 5);
    expect(one.account.pinLimit).toBe(Number.POSITIVE_INFINITY);
    fill(other, 100, 1);
    expect(one.account.pinLimit).toBeCloseTo(1000 / 3);
  });

  it('gives a newcomer its share while hogs have all that they may in flight', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        (hogs, hogItem, item) => {
          const memory = createMemory(10_000);
          const holders = Array.from({ length: hogs }, () => createHolder(memory));
          // All of them are there before the first sends: what was in flight earlier may be more.
          for (const holder of holders) holder.take(hogItem);
          for (let round = 0; round < 10_000 / hogItem; round += 1) {
            for (const holder of holders) holder.take(hogItem);
          }
          for (const holder of holders) while (holder.pin()) {}
          const newcomer = createHolder(memory);
          while (newcomer.take(item)) {}
          expect(newcomer.account.held).toBeGreaterThan(10_000 / (hogs + 1) - item);
        },
      ),
    );
  });

  it('keeps its promises whatever is taken, given, pinned and settled', () => {
    const step = fc.record({
      holder: fc.nat(5),
      action: fc.constantFrom('take', 'take', 'take', 'pin', 'settle', 'empty'),
      bytes: fc.integer({ min: 1, max: 120 }),
      times: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const memory = createMemory(1000);
        const holders = Array.from({ length: 6 }, () => createHolder(memory));
        for (const { holder: index, action, bytes, times } of steps) {
          const holder = holders[index];
          if (holder === undefined) continue;
          for (let time = 0; time < times; time += 1) {
            const before = holders.map(({ account, asked }) => ({
              held: account.held,
              asked: asked.length,
            }));
            if (action === 'take') checkTake(memory, holders, holder, bytes);
            else if (action === 'pin') holder.pin();
            else if (action === 'settle') holder.settle();
            else holder.empty();
            const sum = holders.reduce((total, { account }) => total + account.held, 0);
            expect(memory.usedBytes).toBe(sum);
            expect(sum).toBeLessThanOrEqual(1000);
            if (action !== 'take') {
              expect(holders.map(({ asked }) => asked.length)).toEqual(
                before.map(({ asked }) => asked),
              );
            }
          }
        }
        for (const holder of holders) holder.empty();
        expect(memory.usedBytes).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

/** Takes, and holds the budget to its guarantees against a plain reckoning of what everybody held before. */
function checkTake(
  memory: Memory,
  holders: readonly TestHolder[],
  asking: TestHolder,
  bytes: number,
): void {
  const isHolding = ({ account }: TestHolder) => account.held > 0;
  const sharers = new Set([...holders.filter(isHolding), asking]).size;
  const share = memory.maxBytes / sharers;
  const before = holders.map((holder) => ({
    holder,
    held: holder.account.held,
    asked: holder.asked.length,
    largestItem: Math.max(0, ...holder.items),
  }));
  // What even an asker within its share can not get: pinned, or within the share of its holder.
  const kept = before
    .filter(({ holder }) => holder !== asking)
    .reduce(
      (sum, { holder, held }) => sum + Math.max(holder.account.pinned, Math.min(held, share)),
      0,
    );
  const wanted = asking.account.held + bytes;
  const isTaken = asking.take(bytes);
  if (wanted <= share && kept + wanted <= memory.maxBytes) expect(isTaken).toBe(true);
  for (const { holder, held, asked, largestItem } of before) {
    if (holder.asked.length === asked) continue;
    expect(held).toBeGreaterThan(Math.max(Math.floor(share), wanted));
    expect(holder.account.held).toBeGreaterThan(share - largestItem - 1);
  }
}

describe('a holder that gives way first', () => {
  it('holds half of the budget at the most, and only what is free', () => {
    const memory = createMemory(1_000);
    const [shadow, other] = [createHolder(memory, true), createHolder(memory)];
    for (let item = 0; item < 12; item += 1) shadow.take(50);
    expect(shadow.account.held).toBe(500);
    expect(other.take(400)).toBe(true);
    expect(shadow.asked).toEqual([]);
    expect(other.take(200)).toBe(true);
    expect(shadow.account.held).toBe(400);
    expect(memory.usedBytes).toBe(1_000);
    expect(shadow.take(50)).toBe(false);
  });

  it('gives all that it holds, what is being sent included, before another gives anything', () => {
    const memory = createMemory(1_000);
    const [shadow, hog, newcomer] = [
      createHolder(memory, true),
      createHolder(memory),
      createHolder(memory),
    ];
    for (let item = 0; item < 4; item += 1) shadow.take(100);
    shadow.pin();
    for (let item = 0; item < 9; item += 1) hog.take(100);
    const held = hog.account.held;
    expect(newcomer.take(100)).toBe(true);
    expect(hog.account.held).toBe(held);
    while (newcomer.take(100));
    expect(shadow.account.held).toBe(0);
  });

  it('takes no part of what others are guaranteed, whatever it holds', () => {
    const [withShadows, without] = [createMemory(1_000), createMemory(1_000)];
    const shadows = [createHolder(withShadows, true), createHolder(withShadows, true)];
    for (const shadow of shadows) while (shadow.take(10));
    const take = (memory: Memory) => {
      const holders = [createHolder(memory), createHolder(memory), createHolder(memory)];
      return holders.map((holder, index) => {
        let taken = 0;
        while (taken < 30 && holder.take(10 + index)) taken += 1;
        return [taken, holder.account.held, holder.account.pinLimit];
      });
    };
    expect(take(withShadows)).toEqual(take(without));
    expect(withShadows.usedBytes).toBeLessThanOrEqual(1_000);
  });

  it('makes room for a smaller one of its kind', () => {
    const memory = createMemory(1_000);
    const [large, small] = [createHolder(memory, true), createHolder(memory, true)];
    for (let item = 0; item < 10; item += 1) large.take(50);
    expect(small.take(50)).toBe(true);
    expect(large.account.held).toBe(450);
    while (small.take(50));
    expect(Math.abs(large.account.held - small.account.held)).toBeLessThanOrEqual(50);
  });

  it('gives up what it holds when the budget becomes less', () => {
    const memory = createMemory(1_000);
    const [shadow, other] = [createHolder(memory, true), createHolder(memory)];
    for (let item = 0; item < 8; item += 1) shadow.take(50);
    other.take(300);
    memory.resize(500);
    expect([shadow.account.held, other.account.held]).toEqual([200, 300]);
  });
});
