import { expect, test } from 'vitest';
import type { Log } from '../../src/accounting/log.js';
import { createDiagnostics } from '../../src/monitoring/diagnostics.js';
import { createNames } from '../../src/monitoring/names.js';

const silent: Log = { drop() {}, warn() {}, once() {}, debug() {}, flush() {} };

function start() {
  const diagnostics = createDiagnostics(createNames((name) => name === 'acme'));
  return { diagnostics, log: diagnostics.watch(silent) };
}

test.each([
  ['onStart', 'bug', undefined],
  ['onAudit', 'audit.failed', undefined],
  ['audit log can not be written (EACCES)', 'audit.failed', undefined],
  ['unresolved', 'route.unresolved', undefined],
  ['failed', 'route.failed', undefined],
  ['lookup', 'bug', undefined],
  ['lookup failed', 'lookup.failed', undefined],
  ['no room', 'lookup.refused', undefined],
  ['acme up', 'backend.up', 'acme'],
  ['acme down', 'backend.down', 'acme'],
  ['acme message', 'backend.warned', 'acme'],
  ['acme credentials refused', 'credentials.refused', 'acme'],
  ['acme credentials failed (Error)', 'credentials.failed', 'acme'],
  ['acme spool lost', 'spool.lost', 'acme'],
  ['acme spool can not be written', 'spool.failed', 'acme'],
  ['acme quarantine damaged', 'spool.quarantined', 'acme'],
  ['acme replay', 'bug', 'acme'],
  ['acme failed to flush (Error)', 'exporter.failed', 'acme'],
  ['template/tenant-1 down', 'backend.down', '(dynamic)'],
  ['other down', 'backend.down', undefined],
  ['acme /run/secrets/key can not be read', 'warning', undefined],
  ['SIGNALBOX_X: has no effect (leave it out)', 'warning', undefined],
])('a warning under the key "%s" is the event %s', (key, event, backend) => {
  const { diagnostics, log } = start();
  log.warn(key, 'words');
  log.once(key, 'words');
  expect(diagnostics.take()).toEqual([{ event, backend, reason: undefined, count: 2 }]);
  expect(diagnostics.take()).toEqual([]);
});

test('drops are counted by backend and reason, and what is put back is counted on', () => {
  const { diagnostics, log } = start();
  log.drop('acme', 'queue_full', 2);
  log.drop('acme', 'refused', 1);
  log.drop('template/tenant-1', 'queue_full', 3);
  log.drop('template/tenant-2', 'queue_full', 4);
  log.drop(undefined, 'no_route', 5);
  diagnostics.putBack(diagnostics.take());
  log.drop('acme', 'queue_full', 10);
  const event = 'spans.dropped';
  expect(diagnostics.take()).toEqual([
    { event, backend: 'acme', reason: 'queue_full', count: 12 },
    { event, backend: 'acme', reason: 'refused', count: 1 },
    { event, backend: '(dynamic)', reason: 'queue_full', count: 7 },
    { event, backend: undefined, reason: 'no_route', count: 5 },
  ]);
});

test('beyond a thousand backends the others are told of together', () => {
  const names = createNames(() => true);
  const given = Array.from({ length: 1_500 }, (_, index) => names.of(`backend-${index}`));
  expect(new Set(given).size).toBe(1_001);
  expect(given.at(-1)).toBe('(others)');
  expect(names.of('backend-3')).toBe('backend-3');
});
