import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RoutePropagator } from '../../src/index.js';
import { HOST, headerOf, received, SECRET, settledRoute } from '../boundary/calls.js';
import { runs } from '../helpers/runs.js';
import { recordingExporter, type Service, startService } from '../helpers/service.js';

const propagator = new RoutePropagator({ secret: SECRET, hosts: [HOST] });

let service: Service;

beforeAll(() => {
  service = startService({ backends: { standard: { exporter: recordingExporter() } } });
});

afterAll(() => service.stop());

/** Asserts that a header decides nothing, and is counted. */
function expectRefused(header: unknown, traceId: string): void {
  const before = service.processor.stats().decisions.refused;
  expect(settledRoute(service, received(propagator, header, traceId))).toBeUndefined();
  expect(service.processor.stats().decisions.refused).toBe(before + 1);
}

const keys = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/);
const traceIds = fc.stringMatching(/^[0-9a-f]{32}$/).filter((id) => /[1-9a-f]/.test(id));
/** What a header line of HTTP may hold, and what it may not. */
const bytes = fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte));
const secrets = fc.string({ minLength: 32, maxLength: 64 });

/** One change of a text: what is cut out of it, and what is put there. */
const edits = fc.record({
  at: fc.nat({ max: 1000 }),
  cut: fc.nat({ max: 4 }),
  put: fc.array(bytes, { maxLength: 4 }).map((put) => put.join('')),
});

function edited(text: string, { at, cut, put }: { at: number; cut: number; put: string }): string {
  const start = at % (text.length + 1);
  return text.slice(0, start) + put + text.slice(start + cut);
}

function check<T>(usual: number, property: fc.IProperty<T>): void {
  fc.assert(property, runs(usual).parameters as fc.Parameters<T>);
}

const timeout = runs(1).timeoutMs;

it('every valid key comes through as it was', { timeout }, () => {
  check(
    300,
    fc.property(keys, traceIds, (key, traceId) => {
      const header = headerOf(service, propagator, key, traceId);
      expect(header).toMatch(/^[!-~]{1,194}$/);
      expect(settledRoute(service, received(propagator, header, traceId))).toBe(key);
    }),
  );
});

it('no change of a single byte is accepted, wherever it is', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const header = headerOf(service, propagator, 'acme/eu-1', traceId);
  for (let at = 0; at < header.length; at += 1) {
    for (let byte = 0; byte < 256; byte += 1) {
      const put = String.fromCharCode(byte);
      if (put !== header[at]) expectRefused(edited(header, { at, cut: 1, put }), traceId);
    }
  }
});

it('no change of several bytes is accepted', { timeout }, () => {
  check(
    2_000,
    fc.property(
      keys,
      traceIds,
      fc.array(edits, { minLength: 1, maxLength: 4 }),
      (key, traceId, changes) => {
        const header = headerOf(service, propagator, key, traceId);
        const changed = changes.reduce(edited, header);
        fc.pre(changed !== header);
        expectRefused(changed, traceId);
      },
    ),
  );
});

it('no header that was made with another secret is accepted', { timeout }, () => {
  check(
    500,
    fc.property(secrets, keys, traceIds, (secret, key, traceId) => {
      fc.pre(secret !== SECRET);
      const stranger = new RoutePropagator({ secret, hosts: [HOST] });
      const header = headerOf(service, stranger, key, traceId);
      expectRefused(header, traceId);
      // Not with the right key id either, which is no secret.
      const [, id] = headerOf(service, propagator, key, traceId).split('.');
      expectRefused(header.replace(/^1\.[^.]+/, `1.${id}`), traceId);
    }),
  );
});

it('no header that was made up is accepted, in its form or in none', { timeout }, () => {
  const [version, id, expiry] = headerOf(service, propagator, 'acme').split('.');
  const macs = fc.stringMatching(/^[\w-]{43}$/);
  const inForm = fc
    .tuple(macs, keys)
    .map(([mac, key]) => [version, id, expiry, mac, key].join('.'));
  const values = fc.oneof(
    inForm,
    fc.array(bytes).map((put) => put.join('')),
    fc.string(),
  );
  check(
    1_000,
    fc.property(fc.oneof(values, fc.array(values, { minLength: 1 })), traceIds, expectRefused),
  );
});

it('no header is accepted in another trace', { timeout }, () => {
  check(
    500,
    fc.property(keys, traceIds, traceIds, (key, traceId, other) => {
      fc.pre(traceId !== other);
      expectRefused(headerOf(service, propagator, key, traceId), other);
    }),
  );
});
