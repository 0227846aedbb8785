import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { applicationPackages, type Packages } from '../../src/register/packages.js';
import { loadSdk } from '../../src/register/provider.js';
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
  const whole = {
    '@opentelemetry/sdk-trace-node': { NodeTracerProvider: class {} },
    '@opentelemetry/context-async-hooks': { AsyncLocalStorageContextManager: class {} },
    '@opentelemetry/resources': resources,
  };

  it('is taken where all of it is there', () => {
    expect(loadSdk(only(whole))).toHaveProperty('NodeTracerProvider');
    expect(loadSdk(applicationPackages(undefined, '/'))).toHaveProperty('NodeTracerProvider');
  });

  it('names what has to be installed', () => {
    expect(loadSdk(only({}))).toEqual({ missing: ['@opentelemetry/sdk-trace-node@2'] });
    const { '@opentelemetry/resources': _, ...rest } = whole;
    expect(loadSdk(only(rest))).toEqual({ missing: ['@opentelemetry/resources@2'] });
  });

  it('is not one of version 1, which can not detect a resource at once', () => {
    const { serviceInstanceIdDetector: _, ...old } = resources;
    const packages = only({ ...whole, '@opentelemetry/resources': old });
    expect(loadSdk(packages)).toEqual({ missing: ['@opentelemetry/resources@2'] });
  });
});
