import { describe, expect, it } from 'vitest';
import type { SendResult } from '../../../src/transport/result.js';
import { createFakeClock } from '../../helpers/fake-clock.js';
import { delivered, range, refused, tooLarge, unavailable } from '../fixtures.js';
import { createMemoryDisk } from './memory-disk.js';
import { createSpooled, filesOnDisk, idsOnDisk } from './spooled.js';

/** An exporter with one file for each span, as an outage has left them; it has just ended. */
async function createAfterOutage(
  spans: number,
  answerThen: (ids: readonly number[]) => SendResult | undefined,
) {
  const clock = createFakeClock();
  const disk = createMemoryDisk(clock.epochMs);
  let isDown = true;
  const bench = createSpooled({
    clock,
    disk,
    backend: { retryMaxElapsedMs: 0, scheduleDelayMs: 0 },
    answer: (ids) => (isDown ? unavailable : answerThen(ids)),
  });
  for (const id of range(1, spans)) {
    bench.accept(id);
    // Before the next look at the disk's files, which would be one more request.
    await clock.advance(0);
  }
  await clock.advance(10_000);
  isDown = false;
  bench.sent.splice(0);
  return { bench, clock, disk };
}

function createCredentials() {
  let renew = () => {};
  const renewed = new Promise<void>((resolve) => {
    renew = resolve;
  });
  const unauthorized: SendResult = { status: 'unauthorized', renewed, failure: refused.failure };
  return { unauthorized, renew };
}

describe('a file that the backend does not take', () => {
  it.each([
    ['for its tenant', createCredentials().unauthorized],
    ['ever', unavailable],
  ])('%s holds up no other file', async (_, answer) => {
    const { bench, clock, disk } = await createAfterOutage(6, (ids) =>
      ids.some((id) => id <= 2) ? answer : delivered,
    );
    await clock.advance(30_000);
    expect(bench.counts.delivered).toBe(4);
    expect(idsOnDisk(disk).toSorted()).toEqual([1, 2]);
  });

  it('for its credentials is tried again once a minute, and at once when there are others', async () => {
    const { unauthorized, renew } = createCredentials();
    let isRenewed = false;
    const { bench, clock } = await createAfterOutage(3, () =>
      isRenewed ? delivered : unauthorized,
    );
    await clock.advance(300_000);
    for (const id of range(1, 3)) {
      const times = bench.sent.filter(({ ids }) => ids.includes(id)).map(({ atMs }) => atMs);
      expect(times.length).toBeGreaterThanOrEqual(4);
      times.slice(1).forEach((atMs, index) => {
        expect(atMs - (times[index] ?? 0)).toBeGreaterThanOrEqual(60_000);
      });
    }
    isRenewed = true;
    renew();
    await clock.advance(1_000);
    expect(bench.counts.delivered).toBe(3);
  });

  it('for its credentials, as no other, brings no flood of requests', async () => {
    const { unauthorized } = createCredentials();
    const { bench, clock } = await createAfterOutage(100, () => unauthorized);
    await clock.advance(60_000);
    expect(bench.sent.length).toBeLessThan(70);
  });
});

describe('a file that can not be read now', () => {
  it('holds up no other file', async () => {
    const { bench, clock, disk } = await createAfterOutage(4, () => delivered);
    const [first] = [...disk.files.keys()].filter((name) => name.endsWith('.spool'));
    const { read } = disk;
    disk.read = async (file) => {
      if (file === first) throw Object.assign(new Error('EIO'), { code: 'EIO' });
      return read(file);
    };
    await clock.advance(2_000);
    expect(bench.counts.delivered).toBe(3);
    disk.read = read;
    await clock.advance(10_000);
    expect(bench.counts.delivered).toBe(4);
  });
});

describe('a file that is too large for the backend', () => {
  it('becomes two that are half as large', async () => {
    const clock = createFakeClock();
    const disk = createMemoryDisk(clock.epochMs);
    let status: SendResult = unavailable;
    const bench = createSpooled({
      clock,
      disk,
      backend: { retryMaxElapsedMs: 0, maxExportBatchSize: 50 },
      answer: (ids) => (status === tooLarge && ids.length <= 25 ? unavailable : status),
    });
    bench.accept(1, 50, 500);
    await clock.advance(5_000);
    const [before = 0] = [...disk.files.values()]
      .map(({ length }) => length)
      .toSorted((a, b) => b - a);
    status = tooLarge;
    await clock.advance(30_000);
    const files = filesOnDisk(disk);
    expect(files.map(({ spans }) => spans)).toEqual([25, 25]);
    const sizes = [...disk.files]
      .filter(([name]) => name.endsWith('.spool'))
      .map(([, file]) => file.length);
    for (const size of sizes) expect(size).toBeLessThan(0.6 * before);
    status = delivered;
    await clock.advance(30_000);
    expect(bench.counts.delivered).toBe(50);
  });
});
