import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRouteKey } from '../../src/config/route-key.js';
import { getRoute, setRoute, withBoundary, withRoute } from '../../src/index.js';
import { expectLaws, sum } from '../helpers/laws.js';
import { runs } from '../helpers/runs.js';
import {
  type RecordingExporter,
  recordingExporter,
  type Service,
  startService,
} from '../helpers/service.js';
import { hostileText } from './hostile-text.js';

const { parameters, timeoutMs } = runs(500);

const routes = { acme: ['a'], globex: ['b'], both: ['a', 'b'] };
const known = Object.entries(routes);

const anyKey = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...Object.keys(routes)) },
  { weight: 4, arbitrary: hostileText },
  // Near to a known one, and not it.
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom('acme', 'globex'),
        fc.constantFrom('\0', ' ', '\n', '/', 'A', '', '\u200b'),
        fc.nat(6),
      )
      .map(([key, by, at]) => key.slice(0, at) + by + key.slice(at)),
  },
  // Names of backends are keys only where a route says so.
  { weight: 1, arbitrary: fc.constantFrom('a', 'b', '__proto__', 'constructor', 'hasOwnProperty') },
  { weight: 1, arbitrary: fc.anything({ withNullPrototype: true, withBigInt: true }) },
);
const step = fc.record({ way: fc.constantFrom('withRoute', 'setRoute', 'boundary'), key: anyKey });

describe('a hostile route key', () => {
  const lines: string[] = [];
  const exporters = new Map<string, RecordingExporter>();
  let service: Service;

  beforeEach(() => {
    const write = (...words: unknown[]): void => void lines.push(words.map(String).join(' '));
    const logger: DiagLogger = {
      error: write,
      warn: write,
      info: write,
      debug: write,
      verbose: write,
    };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
    for (const name of ['a', 'b']) exporters.set(name, recordingExporter());
    const backends = Object.fromEntries(
      Array.from(exporters, ([name, exporter]) => [name, { exporter, scheduleDelayMs: 0 }]),
    );
    service = startService({ backends, routes });
  });
  afterEach(async () => {
    await service.stop();
    diag.disable();
    expect(lines.filter((line) => line.includes('bug of signalbox'))).toEqual([]);
    // Whatever a key has in it, a line of the log is one line.
    expect(lines.filter((line) => /[\p{Cc}\p{Zl}\p{Zp}]/u.test(line))).toEqual([]);
  });

  it('throws nothing, and leads no span but where its route says', {
    timeout: timeoutMs,
  }, async () => {
    let id = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const expected = new Map<string, string[]>([
          ['a', []],
          ['b', []],
        ]);
        let unknown = 0;
        const before = service.processor.stats();
        for (const { way, key } of steps) {
          id += 1;
          const name = `span ${id}`;
          // A key is any text, and may be anything at run time.
          const given = key as string;
          const work = (): void => void service.inSpan(name, () => {});
          if (way === 'withRoute') withRoute(given, work);
          else if (way === 'boundary') {
            withBoundary(() => {
              work();
              setRoute(given);
            });
          } else {
            service.inSpan(name, () => {
              setRoute(given);
              expect(getRoute() === undefined || isRouteKey(getRoute())).toBe(true);
            });
          }
          const route = known.find(([each]) => each === given);
          if (route === undefined) unknown += 1;
          for (const backend of route?.[1] ?? []) expected.get(backend)?.push(name);
        }
        await service.processor.forceFlush();
        for (const [name, exporter] of exporters) {
          expect(exporter.names().toSorted()).toEqual(expected.get(name)?.toSorted());
          exporter.spans.length = 0;
        }
        const stats = service.processor.stats();
        expectLaws(stats);
        expect(sum(stats.dropped) - sum(before.dropped)).toBe(unknown);
      }),
      parameters as object,
    );
  });
});
