import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, resolveFromEnv } from '../../src/config/env.js';
import { ConfigError } from '../../src/config/error.js';
import { propagationFromEnv } from '../../src/config/propagation.js';
import { propagationSettings } from '../../src/config/propagation-settings.js';
import { resolveConfig } from '../../src/config/resolve.js';
import {
  backendSettings,
  processSettings,
  registerSettings,
  type Setting,
  type SignalboxConfig,
} from '../../src/config/schema.js';
import { runs } from '../helpers/runs.js';
import { hostileSecret, hostileText, MARKER } from './hostile-text.js';

const { parameters, timeoutMs } = runs(500);

const folder = mkdtempSync(join(tmpdir(), 'signalbox-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true }));

const variablesOf = (settings: Readonly<Record<string, Setting>>): string[] =>
  Object.values(settings).flatMap(({ variable }) => variable ?? []);
const backendVariables = variablesOf(backendSettings);
const processVariables = variablesOf({
  ...processSettings,
  ...registerSettings,
  ...propagationSettings,
});

/** What stands in messages because it is no secret: names, keys and patterns, and paths that look like one. */
const SHOWN = [
  'BACKENDS',
  'ROUTES',
  'ROUTE_CLASSES',
  'ROUTE_PARENTS',
  'DEFAULT_ROUTE',
  'CONFIG_FILE',
];
const hidden = (variables: readonly string[]) => variables.filter((name) => !SHOWN.includes(name));

const ownName = (names: readonly string[]) =>
  fc
    .tuple(fc.constantFrom('A', 'A_B', 'A_TRACES', 'OTLP', '__PROTO__'), fc.constantFrom(...names))
    .map(([part, name]) => `SIGNALBOX_BACKEND_${part}_${name}`);
const processName = (names: readonly string[]) =>
  fc.constantFrom(...names).map((name) => `SIGNALBOX_${name}`);
const otherName = fc.constantFrom(
  'BRAINTRUST_API_KEY',
  'BRAINTRUST_API_URL',
  'BRAINTRUST_PARENT',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_TIMEOUT',
  'OTEL_EXPORTER_OTLP_CERTIFICATE',
  'OTEL_BSP_MAX_QUEUE_SIZE',
  'HTTP_PROXY',
  'https_proxy',
  'NO_PROXY',
);

/** A name with one character changed, left out or doubled: near enough to a known one to be meant. */
const nearName = fc
  .tuple(
    fc.oneof(ownName(backendVariables), processName(processVariables)),
    fc.nat(60),
    fc.constantFrom('', '_', 'X', 'x', ' ', '\n', '-', '\0'),
  )
  .map(([name, at, by]) => name.slice(0, at) + by + name.slice(at + 1));

const listed = fc.constantFrom<Record<string, string>>(
  {},
  { SIGNALBOX_BACKENDS: 'a' },
  { SIGNALBOX_BACKENDS: 'a,a-b' },
  { SIGNALBOX_BACKENDS: 'a,a-traces,__proto__' },
  {
    SIGNALBOX_BACKENDS: 'a',
    SIGNALBOX_BACKEND_A_ENDPOINT: 'https://otlp.example.com',
  },
);

/** All that is said of a configuration. Anything thrown but a `ConfigError` is a bug, and so is what outlives it. */
function saidBy(act: () => unknown): string {
  let said: string;
  try {
    const result = act();
    const warnings = typeof result === 'object' && result !== null && 'warnings' in result;
    said = warnings ? JSON.stringify(result.warnings) : '';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    said = [error.message, error.stack, JSON.stringify(error.problems), String(error.cause)].join();
  }
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  return said;
}

function check<T>(arbitrary: fc.Arbitrary<T>, act: (value: T) => unknown): void {
  fc.assert(
    fc.property(arbitrary, (value) => {
      expect(saidBy(() => act(value))).not.toContain(MARKER);
    }),
    parameters as fc.Parameters<[T]>,
  );
}

const environment = fc
  .tuple(
    listed,
    fc.dictionary(
      fc.oneof(ownName(hidden(backendVariables)), processName(hidden(processVariables)), otherName),
      hostileSecret,
      { maxKeys: 6, noNullPrototype: false },
    ),
    fc.dictionary(
      fc.oneof(processName(SHOWN), nearName, fc.constant('__proto__'), hostileText),
      hostileText,
      { maxKeys: 4 },
    ),
  )
  .map(([base, secrets, others]) => ({ ...others, ...secrets, ...base }));

describe('a hostile environment', () => {
  it('is refused with a ConfigError, or taken, and no secret of it is told', {
    timeout: timeoutMs,
  }, () => {
    check(environment, (env) => {
      const warnings: string[] = [];
      loadConfig(env, (warning) => warnings.push(warning));
      return { warnings };
    });
  });

  it('does the same to route propagation', { timeout: timeoutMs }, () => {
    check(environment, (env) => propagationFromEnv(env));
  });
});

const fileKey = fc.oneof(
  fc
    .constantFrom(...hidden(backendVariables), ...hidden(processVariables))
    .map((name) => name.toLowerCase()),
  fc.constantFrom('backends', 'a', '__proto__', 'constructor', 'toString', 'x-a'),
);

/** The names in routes are shown, and so would be what a variable has there. */
const routeText = hostileText.filter((text) => !text.includes('$'));

const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    hostileSecret,
    fc.constantFrom<unknown>(null, 0, -1, 1e21, true, [], {}),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fileKey, tie('tree'), { maxKeys: 4 }),
  ),
}));

describe('a hostile file', () => {
  function resolveFile(content: string): unknown {
    const path = join(folder, 'hostile.yaml');
    writeFileSync(path, content);
    return resolveFromEnv({ SIGNALBOX_CONFIG_FILE: path, X: MARKER });
  }

  it('of settings is refused with a ConfigError, or taken, and no secret of it is told', {
    timeout: timeoutMs,
  }, () => {
    const settings = fc.dictionary(fileKey, tree, { maxKeys: 5 });
    const file = fc.oneof(
      settings,
      fc.record({ backends: fc.record({ a: settings }) }),
      fc.record({
        backends: fc.record({ a: settings }),
        allowed_hosts: tree,
        routes: fc.dictionary(routeText, routeText),
      }),
    );
    check(file, (root) => resolveFile(JSON.stringify(root)));
  });

  it('of any text is as well', { timeout: timeoutMs }, () => {
    const line = fc
      .tuple(
        fc.constantFrom('', '  ', '    '),
        fileKey,
        fc.constantFrom(': ', ':', ' : '),
        hostileSecret,
      )
      .map((parts) => parts.join(''));
    const text = fc
      .array(line, { maxLength: 6 })
      .map((lines) => ['backends:', ...lines].join('\n'));
    check(fc.oneof(text, hostileSecret), resolveFile);
  });
});

describe('hostile options in code', () => {
  it('are refused with a ConfigError, or taken, and no secret of them is told', {
    timeout: timeoutMs,
  }, () => {
    const keys = Object.keys(backendSettings);
    const value = fc.oneof(
      hostileSecret,
      fc.constantFrom<unknown>(
        null,
        -0,
        Number.NaN,
        1n,
        Symbol.iterator,
        () => MARKER,
        new Date(0),
      ),
      fc.array(hostileSecret, { maxLength: 2 }),
      fc.dictionary(fc.constantFrom('x-a', '__proto__', 'host', 'X-A'), hostileSecret),
    );
    const backend = fc.dictionary(fc.constantFrom(...keys, '__proto__', 'polluted'), value);
    const config = fc.record(
      {
        backends: fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.oneof(backend, value)),
        routes: value,
        allowedHosts: fc.oneof(value, fc.array(hostileSecret, { maxLength: 3 })),
        maxBufferedBytes: value,
        meterProvider: value,
        defaultRoute: fc.constantFrom('a', 'c'),
      },
      { requiredKeys: [] },
    );
    check(config, (given) => resolveConfig(given as unknown as SignalboxConfig));
  });
});
