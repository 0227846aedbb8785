import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Account } from '../../src/exporter/memory.js';
import { joinMemory, type MemoryShare } from '../../src/exporter/shared-memory.js';
import { now } from '../helpers/deadline.js';
import { type BenchOptions, createBench } from './fixtures.js';

function join(maxBytes: number, joinHere = joinMemory): MemoryShare {
  const share = joinHere(maxBytes);
  onTestFinished(() => share.leave());
  return share;
}

/** A holder of one account, which gives way by giving back. */
function openAccount({ memory }: MemoryShare): Account {
  const account: Account = memory.open({ giveWay: (bytes) => account.give(bytes) });
  onTestFinished(() => account.give(account.held));
  return account;
}

/** An exporter under the processor's share. */
const benchIn = ({ memory }: MemoryShare, options: BenchOptions = {}) =>
  createBench({ ...options, memory });

describe('the budget of a process', () => {
  it('is one for all who join it', () => {
    const [one, other] = [join(1_000), join(1_000)];
    const [first, second] = [openAccount(one), openAccount(other)];
    expect(first.take(900)).toBe(true);
    expect([one.memory.usedBytes, other.memory.usedBytes]).toEqual([900, 900]);
    expect([one.isDisputed, other.isDisputed]).toEqual([false, false]);
    // Within its share: the hog gives way, whoever its processor is.
    expect(second.take(400)).toBe(true);
    expect(first.held).toBeLessThanOrEqual(600);
    expect(one.memory.usedBytes).toBeLessThanOrEqual(1_000);
  });

  it('is shared by every copy of the package that is loaded', async () => {
    const share = join(1_000);
    vi.resetModules();
    const copy = await import('../../src/exporter/shared-memory.js');
    expect(copy.joinMemory).not.toBe(joinMemory);
    const other = join(1_000, copy.joinMemory);
    openAccount(other).take(700);
    expect(share.memory.usedBytes).toBe(700);
  });

  it('is the smallest that anybody in it was configured with', () => {
    const large = join(10_000);
    expect(large.memory.maxBytes).toBe(10_000);
    const small = join(1_000);
    expect([large.memory.maxBytes, large.isDisputed, small.isDisputed]).toEqual([
      1_000,
      true,
      true,
    ]);
    small.resize(2_000);
    expect(large.memory.maxBytes).toBe(2_000);
    small.leave();
    small.leave();
    expect([large.memory.maxBytes, large.isDisputed]).toEqual([10_000, false]);
  });

  it('that becomes smaller drops nothing, takes no more, and is kept when another needs room', () => {
    const large = join(10_000);
    const hog = openAccount(large);
    for (let each = 0; each < 8; each += 1) hog.take(1_000);
    const small = join(2_000);
    expect(hog.held).toBe(8_000);
    expect(hog.take(1)).toBe(false);
    const newcomer = openAccount(small);
    expect(newcomer.take(500)).toBe(true);
    expect(large.memory.usedBytes).toBeLessThanOrEqual(2_000);
    expect(newcomer.held).toBe(500);
  });

  it('has one processor’s backend give way to another processor’s', async () => {
    const [one, other] = [join(200_000), join(200_000)];
    const sick = benchIn(one);
    const healthy = benchIn(other);
    sick.accept(1, 2_000);
    expect(sick.dropped.buffer_full).toBeGreaterThan(0);
    healthy.accept(1, 100);
    expect(healthy.dropped).toEqual({});
    expect(one.memory.usedBytes).toBeLessThanOrEqual(200_000);
    for (const { exporter } of [sick, healthy]) await exporter.shutdown(now());
    expect(one.memory.usedBytes).toBe(0);
  });
});
