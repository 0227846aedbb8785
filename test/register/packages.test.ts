import { join } from 'node:path';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { describe, expect, it, onTestFinished } from 'vitest';
import { applicationPackages, type Packages } from '../../src/register/packages.js';
import { loadSdk } from '../../src/register/provider.js';
import { RoutingSpanProcessor } from '../../src/routing/processor.js';
import { applicationWith } from './application.js';

/** Nothing is installed but these, each by its exports. */
function only(installed: Record<string, object>): Packages {
  return {
    resolve: (name) => (name in installed ? `/${name}` : undefined),
    load: (name) => installed[name],
    within: () => only(installed),
  };
}

describe('packages', () => {
  it('are the application’s own before those beside signalbox', () => {
    const folder = applicationWith({ yaml: 'exports.mine = true;' });
    const packages = applicationPackages(join(folder, 'app.js'), '/');
    expect(packages.load('yaml')).toEqual({ mine: true });
    expect(packages.load('undici')).toHaveProperty('Agent');
  });

  it('are those of the working directory where there is no main module, or it is elsewhere', () => {
    const folder = applicationWith({ mine: 'exports.mine = true;' });
    expect(applicationPackages(undefined, folder).load('mine')).toEqual({ mine: true });
    expect(applicationPackages('/usr/bin/tool', folder).load('mine')).toEqual({ mine: true });
    expect(applicationPackages('no path', folder).load('mine')).toEqual({ mine: true });
  });

  it('that are not installed are nothing, and those that break as they load throw', () => {
    const folder = applicationWith({ broken: "throw new Error('broken');" });
    const packages = applicationPackages(undefined, folder);
    expect(packages.resolve('not-installed')).toBeUndefined();
    expect(packages.load('not-installed')).toBeUndefined();
    expect(() => packages.load('broken')).toThrow('broken');
  });
});

function parameters() {
  const backends = { main: { endpoint: 'http://127.0.0.1:4318' } };
  const processor = new RoutingSpanProcessor({ backends });
  onTestFinished(() => processor.shutdown());
  return { processor, resource: resourceFromAttributes({}) };
}

describe('the SDK', () => {
  const resources = {
    defaultResource: () => {},
    detectResources: () => {},
    envDetector: {},
    hostDetector: {},
    osDetector: {},
    processDetector: {},
    serviceInstanceIdDetector: {},
  };
  const parts = {
    '@opentelemetry/context-async-hooks': { AsyncLocalStorageContextManager: class {} },
    '@opentelemetry/core': {
      CompositePropagator: class {},
      W3CBaggagePropagator: class {},
      W3CTraceContextPropagator: class {},
    },
    '@opentelemetry/resources': resources,
  };
  const whole = { '@opentelemetry/sdk-trace-node': { NodeTracerProvider: class {} }, ...parts };
  const samplers = {
    AlwaysOnSampler: class {},
    AlwaysOffSampler: class {},
    TraceIdRatioBasedSampler: class {},
    ParentBasedSampler: class {},
  };
  const whole3 = {
    '@opentelemetry/sdk-trace': { TracerProvider: class {}, ...samplers },
    ...parts,
  };

  it('is taken where all of it is there', () => {
    expect(loadSdk(only(whole))).toHaveProperty('createProvider');
    expect(loadSdk(only(whole3))).toHaveProperty('createProvider');
    expect(loadSdk(applicationPackages(undefined, '/'))).toHaveProperty('createProvider');
  });

  it('of version 3 counts where there is none of version 2', () => {
    class Mine {}
    const sdk2 = { '@opentelemetry/sdk-trace-node': { NodeTracerProvider: Mine } };
    const sdk = loadSdk(only({ ...whole3, ...sdk2 }));
    if ('missing' in sdk) throw new Error(`missing: ${sdk.missing}`);
    const { processor, resource } = parameters();
    expect(sdk.createProvider({ processor, resource, env: {}, warn() {} })).toBeInstanceOf(Mine);
  });

  it('of version 3 is given sampler and limits, which it does not read itself', () => {
    let given: object | undefined;
    class TracerProvider {
      constructor(options: object) {
        given = options;
      }
    }
    const trace = { '@opentelemetry/sdk-trace': { TracerProvider, ...samplers } };
    const sdk = loadSdk(only({ ...whole3, ...trace }));
    if ('missing' in sdk) throw new Error(`missing: ${sdk.missing}`);
    const { processor, resource } = parameters();
    const env = { OTEL_TRACES_SAMPLER: 'always_off', OTEL_SPAN_LINK_COUNT_LIMIT: '7' };
    sdk.createProvider({ processor, resource, env, warn() {} });
    expect(given).toMatchObject({
      resource,
      spanProcessors: [processor],
      sampler: expect.any(samplers.AlwaysOffSampler),
      spanLimits: { linkCountLimit: 7 },
    });
  });

  it('names what has to be installed', () => {
    expect(loadSdk(only({}))).toEqual({ missing: ['@opentelemetry/sdk-trace-node@2'] });
    const { '@opentelemetry/resources': _, ...rest } = whole;
    expect(loadSdk(only(rest))).toEqual({ missing: ['@opentelemetry/resources@2'] });
    const {
      '@opentelemetry/context-async-hooks': __,
      '@opentelemetry/core': ___,
      ...rest3
    } = whole3;
    expect(loadSdk(only(rest3))).toEqual({
      missing: ['@opentelemetry/context-async-hooks@3', '@opentelemetry/core@3'],
    });
    expect(loadSdk(only({ '@opentelemetry/sdk-trace': {} }))).toEqual({
      missing: ['@opentelemetry/sdk-trace@3'],
    });
  });

  it('is not one of version 1, which can not detect a resource at once', () => {
    const { serviceInstanceIdDetector: _, ...old } = resources;
    const packages = only({ ...whole, '@opentelemetry/resources': old });
    expect(loadSdk(packages)).toEqual({ missing: ['@opentelemetry/resources@2'] });
  });
});
