import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../src/config/resolve.js';
import type { DynamicConfig } from '../../src/config/resolved.js';
import { isSameBackend, isSameSource } from '../../src/config/same-backend.js';
import type { BackendConfig, ResolveBackend, SignalboxConfig } from '../../src/config/schema.js';
import { backendOf, problemLines } from './problems.js';

const endpoint = 'https://otlp.example';

function dynamicOf(config: Partial<SignalboxConfig>): DynamicConfig {
  const { dynamic } = resolveConfig({ backends: {}, ...config });
  if (dynamic === undefined) throw new Error('no source of backends');
  return dynamic;
}

describe('resolveBackend', () => {
  it('has its answers completed, and where they come from is told by their names', async () => {
    const { lookUp, ...limits } = dynamicOf({ resolveBackend: () => ({ endpoint }) });
    expect(lookUp('eu/Acme:1')).toMatchObject({
      name: 'template/eu/Acme:1',
      url: 'https://otlp.example/v1/traces',
      hosts: { allowed: undefined, refusePrivate: false },
    });
    expect(limits).toMatchObject({ ttlMs: 300_000, idleTimeoutMs: 600_000, maxBackends: 1_000 });
    const later = dynamicOf({ resolveBackend: async () => ({ endpoint }) });
    await expect(later.lookUp('acme')).resolves.toMatchObject({ name: 'template/acme' });
  });

  it.each([undefined, null])('may say %s for none', async (none) => {
    const resolveBackend: ResolveBackend = () => none as undefined;
    expect(dynamicOf({ resolveBackend }).lookUp('acme')).toBeUndefined();
    const later: ResolveBackend = async () => none as undefined;
    expect(await dynamicOf({ resolveBackend: later }).lookUp('acme')).toBeUndefined();
  });

  it.each([
    [{}, 'resolveBackend.endpoint: is not set'],
    [{ endpoint, colour: 'red' }, 'resolveBackend.colour: is not a known setting'],
    [
      { endpoint, timeoutMs: 'long' },
      'resolveBackend.timeoutMs: is not a whole number in its range',
    ],
    ['secret', 'resolveBackend: gave no object of settings'],
    [[], 'resolveBackend: gave no object of settings'],
  ])('is checked as a configured backend is: %j', (answer, line) => {
    const { lookUp } = dynamicOf({ resolveBackend: () => answer as BackendConfig });
    expect(problemLines(() => lookUp('acme'))).toEqual([line]);
  });

  it.each([
    [{ resolveBackend: 'acme' }, 'resolveBackend: is not a function'],
    [{ resolveBackendTtlMs: -1 }, 'resolveBackendTtlMs: is not a whole number in its range'],
    [{ templateMaxBackends: 0 }, 'templateMaxBackends: is not a whole number in its range'],
    [{ template: 'acme' }, 'template: is not an object of settings'],
  ])('is checked itself: %j', (wrong, line) => {
    const config = { backends: { a: { endpoint } }, ...wrong } as SignalboxConfig;
    expect(problemLines(() => resolveConfig(config))).toEqual([line]);
  });
});

describe('two backends are the same', () => {
  const resolve = (options: BackendConfig) =>
    backendOf(resolveConfig({ backends: { a: options } }), 'a');
  const dispatcher = { dispatch: () => true } as never;

  it.each<[string, BackendConfig]>([
    ['with the same settings', { endpoint, headers: { a: '1', b: '2' }, maxQueueSize: 600 }],
    ['with the same dispatcher', { endpoint, dispatcher }],
    ['with an exporter that was made for them', { endpoint, exporter: 'otlp-http' }],
    ['with the console', { exporter: 'console' }],
  ])('%s', (_, options) => {
    expect(isSameBackend(resolve(options), resolve({ ...options }))).toBe(true);
  });

  it.each<[string, BackendConfig, BackendConfig]>([
    ['another URL', { endpoint }, { endpoint: `${endpoint}/base` }],
    ['another header', { endpoint, headers: { a: '1' } }, { endpoint, headers: { b: '1' } }],
    ['one header less', { endpoint, headers: { a: '1' } }, { endpoint }],
    ['another key', { endpoint, apiKey: 'one' }, { endpoint, apiKey: 'two' }],
    ['another dispatcher', { endpoint, dispatcher }, { endpoint }],
    [
      'another kind of exporter',
      { endpoint, exporter: 'otlp-http' },
      { endpoint, protocol: 'http/json' },
    ],
    [
      'another exporter',
      { exporter: { export() {}, async shutdown() {} } },
      { exporter: { export() {}, async shutdown() {} } },
    ],
  ])('but not with %s', (_, one, other) => {
    expect(isSameBackend(resolve(one), resolve(other))).toBe(false);
    expect(isSameBackend(resolve(other), resolve(one))).toBe(false);
  });
});

describe('two sources are the same', () => {
  it('with the same function, or a template of the same settings', () => {
    const resolveBackend = () => undefined;
    const template = { endpoint: 'https://{route}.example' };
    const [one, other] = [dynamicOf({ resolveBackend }), dynamicOf({ resolveBackend })];
    expect(isSameSource(one, other)).toBe(true);
    expect(isSameSource(one, dynamicOf({ resolveBackend: () => undefined }))).toBe(false);
    expect(isSameSource(one, dynamicOf({ template }))).toBe(false);
    expect(isSameSource(dynamicOf({ template }), dynamicOf({ template: { ...template } }))).toBe(
      true,
    );
    const changed = { ...template, timeoutMs: 1 };
    expect(isSameSource(dynamicOf({ template }), dynamicOf({ template: changed }))).toBe(false);
  });
});
