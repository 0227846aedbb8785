import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../src/index.js';
import { createAuditLog } from '../../src/transport/audit-log.js';
import { makeFolder } from '../helpers/folder.js';

function event(spans: number): AuditEvent {
  return { backend: 'standard', at: 1, httpStatus: 200, spans, resources: [] };
}

function createSubject(path: string, maxFileBytes?: number) {
  const warnings: string[] = [];
  const log = { warn: (_: string, message: string) => void warnings.push(message) };
  return { warnings, ...createAuditLog(path, { log, ...(maxFileBytes && { maxFileBytes }) }) };
}

function spansIn(path: string): number[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).spans);
}

describe('an audit log', () => {
  it('writes a line of JSON for each event, in their order, for this user alone', async () => {
    const path = join(makeFolder(), 'audit.log');
    const audit = createSubject(path);
    for (let spans = 1; spans <= 100; spans += 1) audit.write(event(spans));
    await audit.flush();
    expect(spansIn(path)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('goes on with what an earlier process wrote', async () => {
    const path = join(makeFolder(), 'audit.log');
    for (const spans of [1, 2]) {
      const audit = createSubject(path);
      audit.write(event(spans));
      await audit.flush();
    }
    expect(spansIn(path)).toEqual([1, 2]);
  });

  it('puts a full file aside, and keeps the four youngest', async () => {
    const folder = makeFolder();
    const path = join(folder, 'audit.log');
    const audit = createSubject(path, 10);
    for (let spans = 1; spans <= 7; spans += 1) {
      audit.write(event(spans));
      await audit.flush();
    }
    expect(readdirSync(folder).sort()).toEqual(
      ['audit.log', 'audit.log.1', 'audit.log.2', 'audit.log.3', 'audit.log.4'].sort(),
    );
    expect([path, `${path}.1`, `${path}.4`].map((each) => spansIn(each)[0])).toEqual([7, 6, 3]);
  });

  it('that can not be written loses its events, says so, and goes on', async () => {
    const path = join(makeFolder(), 'audit.log');
    mkdirSync(path);
    const audit = createSubject(path);
    audit.write(event(1));
    await audit.flush();
    expect(audit.warnings.join()).toContain('can not be written (EISDIR): events are lost');
  });

  it('holds no more than a mebibyte that waits for the disk', async () => {
    const path = join(makeFolder(), 'audit.log');
    const audit = createSubject(path);
    const large = { ...event(1), normalizedUrl: 'x'.repeat(100_000) };
    for (let count = 0; count < 30; count += 1) audit.write(large);
    await audit.flush();
    expect(spansIn(path).length).toBeLessThanOrEqual(21);
    expect(audit.warnings.join()).toContain('slower than its events come');
  });

  it('writes to stderr where it is told to', () => {
    const written: string[] = [];
    const stderr = { write: (text: string) => written.push(text) };
    createAuditLog('stderr', { log: { warn() {} }, stderr }).write(event(3));
    expect(written).toEqual([`${JSON.stringify(event(3))}\n`]);
  });
});
