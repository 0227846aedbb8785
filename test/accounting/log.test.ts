import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/accounting/log.js';
import { DROP_ADVICE } from '../../src/accounting/reasons.js';
import { createFakeClock } from '../helpers/fake-clock.js';

const minute = 60_000;

afterEach(() => {
  diag.disable();
});

function setUp(onLine: (line: string) => void = () => {}) {
  const lines: string[] = [];
  const write = (message: string) => {
    // The API logs its own registrations.
    if (!message.startsWith('signalbox: ')) return;
    lines.push(message);
    onLine(message);
  };
  const logger: DiagLogger = {
    error: write,
    warn: write,
    info: write,
    debug: write,
    verbose: write,
  };
  diag.setLogger(logger, { logLevel: DiagLogLevel.DEBUG, suppressOverrideMessage: true });
  const clock = createFakeClock();
  return { lines, clock, log: createLog(clock) };
}

describe('the log of drops', () => {
  it('says the first drop at once, with what happened and what to do', () => {
    const { lines, log } = setUp();
    log.drop(undefined, 'park_limit', 1);
    expect(lines).toEqual([
      'signalbox: dropped 1 span as park_limit: too many spans waited for the route of their request, ' +
        'or one waited too long. Decide the route earlier, or raise SIGNALBOX_PARK_MAX_SPANS, ' +
        'SIGNALBOX_PARK_TIMEOUT or SIGNALBOX_MAX_BUFFERED_BYTES, or set SIGNALBOX_PARK_OVERFLOW=default',
    ]);
  });

  it('names the backend, and the detail', () => {
    const { lines, log } = setUp();
    log.drop('eu', 'refused', 512, 'HTTP 401');
    expect(lines).toEqual([
      `signalbox: dropped 512 spans of backend eu as refused (HTTP 401): ${DROP_ADVICE.refused}`,
    ]);
  });

  it('sums what follows within a minute, and says it when the minute is over', async () => {
    const { lines, clock, log } = setUp();
    log.drop('eu', 'queue_full', 1);
    for (let count = 0; count < 99; count += 1) log.drop('eu', 'queue_full', 2);
    await clock.advance(minute - 1);
    expect(lines).toHaveLength(1);
    await clock.advance(1);
    expect(lines.slice(1)).toEqual([
      `signalbox: dropped 198 more spans of backend eu as queue_full: ${DROP_ADVICE.queue_full}`,
    ]);
  });

  it('says one line a minute, however long it goes on', async () => {
    const { lines, clock, log } = setUp();
    for (let second = 0; second < 300; second += 1) {
      log.drop('eu', 'queue_full', 10);
      await clock.advance(1000);
    }
    expect(lines).toHaveLength(6);
    const spans = lines.map((line) => Number(/dropped (\d+)/.exec(line)?.[1]));
    expect(spans.reduce((sum, count) => sum + count, 0)).toBe(3000);
  });

  it('says a drop at once again after a minute without any, and holds no timer until then', async () => {
    const { lines, clock, log } = setUp();
    log.drop('eu', 'queue_full', 1);
    await clock.advance(minute);
    expect(clock.pending).toBe(0);
    log.drop('eu', 'queue_full', 1);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toBe(lines[0]);
  });

  it('keeps reasons and backends apart', () => {
    const { lines, log } = setUp();
    log.drop('eu', 'queue_full', 1);
    log.drop('us', 'queue_full', 1);
    log.drop('eu', 'refused', 1);
    log.drop(undefined, 'no_route', 1);
    log.drop('us', 'queue_full', 1);
    expect(lines).toHaveLength(4);
  });

  it('says the last detail of several', async () => {
    const { lines, clock, log } = setUp();
    log.drop('eu', 'rejected', 1, 'first');
    log.drop('eu', 'rejected', 1, 'second');
    log.drop('eu', 'rejected', 1, 'third');
    log.drop('eu', 'rejected', 1);
    await clock.advance(minute);
    expect(lines[1]).toContain('dropped 3 more spans of backend eu as rejected (third):');
  });

  it("keeps a backend's own words on one short line", () => {
    const { lines, log } = setUp();
    log.drop('eu', 'rejected', 1, `no\r\nsignalbox: all is well\u001b[2J\u2028${'x'.repeat(1000)}`);
    expect(lines[0]).toContain('(no signalbox: all is well [2J xxx');
    expect(lines[0]).toContain('xxx...): ');
    expect(lines[0]?.length).toBeLessThan(800);
  });

  it('says what is kept back when it is flushed, and no more later', async () => {
    const { lines, clock, log } = setUp();
    log.drop('eu', 'refused', 1);
    log.drop('eu', 'refused', 4);
    log.drop(undefined, 'no_route', 1);
    log.flush();
    expect(lines).toHaveLength(3);
    expect(lines[2]).toContain('dropped 4 more spans of backend eu as refused:');
    expect(clock.pending).toBe(0);
    await clock.advance(minute);
    log.flush();
    expect(lines).toHaveLength(3);
  });

  it('has a sentence for every reason', () => {
    for (const [reason, advice] of Object.entries(DROP_ADVICE)) {
      expect(advice, reason).toMatch(/^.{20,}\. [A-Z].{20,}[^.]$/);
    }
  });
});

describe('warnings', () => {
  it('are said once per key and minute, with how many were kept back', async () => {
    const { lines, clock, log } = setUp();
    log.warn('a', 'one');
    log.warn('a', 'two');
    log.warn('b', 'three');
    await clock.advance(minute - 1);
    log.warn('a', 'four');
    await clock.advance(1);
    log.warn('a', 'five');
    await clock.advance(minute);
    log.warn('a', 'six');
    expect(lines).toEqual([
      'signalbox: one',
      'signalbox: three',
      'signalbox: five (and 2 times since last said)',
      'signalbox: six',
    ]);
  });

  it('of too many keys are not said, until old ones are over', async () => {
    const { lines, clock, log } = setUp();
    for (let key = 0; key < 1500; key += 1) log.warn(`${key}`, 'key');
    expect(lines).toHaveLength(1000);
    await clock.advance(minute);
    log.warn('another', 'another');
    expect(lines).toHaveLength(1001);
  });

  it('for once are said once', async () => {
    const { lines, clock, log } = setUp();
    log.once('a', 'one');
    await clock.advance(10 * minute);
    log.once('a', 'two');
    log.once('b', 'three');
    expect(lines).toEqual(['signalbox: one', 'signalbox: three']);
  });

  it('are apart in each log', () => {
    const { lines, log } = setUp();
    log.once('a', 'one');
    createLog(createFakeClock()).once('a', 'one');
    expect(lines).toHaveLength(2);
  });
});

describe('any log', () => {
  it('passes debug messages on', () => {
    const { lines, log } = setUp();
    log.debug('decided', {});
    expect(lines).toEqual(['signalbox: decided']);
  });

  it('does not throw when the logger does', () => {
    const { log } = setUp(() => {
      throw new Error('logger');
    });
    log.drop('eu', 'refused', 1);
    log.drop('eu', 'refused', 1);
    log.warn('a', 'one');
    log.once('a', 'one');
    log.debug('decided', {});
    log.flush();
  });

  it('does not go round in circles where its logger drops spans itself', () => {
    const { lines, log } = setUp((line) => {
      if (line.includes('refused')) log.drop('eu', 'refused', 1);
    });
    log.drop('eu', 'refused', 1);
    expect(lines).toHaveLength(1);
    log.flush();
    expect(lines).toHaveLength(3);
  });
});
