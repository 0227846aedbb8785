import { describe, expect, it } from 'vitest';
import type { ResolvedPropagation } from '../../src/config/propagation.js';
import { applicationPackages } from '../../src/register/packages.js';
import { createPropagator, loadPropagators } from '../../src/register/propagator.js';
import { detectResource, loadResources } from '../../src/register/resource.js';
import { isSwitchedOff, otherExporters } from '../../src/register/switch.js';

const packages = applicationPackages(undefined, process.cwd());

function propagatorOf(value: string | undefined, route?: ResolvedPropagation) {
  const warnings: string[] = [];
  const env = { OTEL_PROPAGATORS: value };
  const warn = (message: string) => warnings.push(message);
  const core = loadPropagators(packages);
  if (core === undefined) throw new Error('@opentelemetry/core is not installed');
  const propagator = createPropagator(env, packages, core, route, warn);
  return { fields: propagator?.fields(), warnings };
}

describe('OTEL_PROPAGATORS', () => {
  it.each([
    [undefined, ['traceparent', 'tracestate', 'baggage']],
    ['', ['traceparent', 'tracestate', 'baggage']],
    ['baggage', ['baggage']],
    ['tracecontext, tracecontext', ['traceparent', 'tracestate']],
    ['b3', ['b3']],
    ['b3multi', ['x-b3-traceid', 'x-b3-spanid', 'x-b3-flags', 'x-b3-sampled', 'x-b3-parentspanid']],
    ['none', undefined],
    ['none,baggage', undefined],
  ])('%j propagates %j', (value, fields) => {
    expect(propagatorOf(value)).toEqual({ fields, warnings: [] });
  });

  // SDK 3 does not bring it along.
  it.skipIf(packages.resolve('@opentelemetry/propagator-jaeger') === undefined)(
    'jaeger propagates its own, where it is installed',
    () => {
      expect(propagatorOf('jaeger')).toEqual({ fields: ['uber-trace-id'], warnings: [] });
    },
  );

  const route = { secret: 's'.repeat(32), previousSecret: undefined, hosts: [] };

  it('has the signed route key beside it, where that is configured', () => {
    expect(propagatorOf('tracecontext', route)).toEqual({
      fields: ['traceparent', 'tracestate', 'x-signalbox-route'],
      warnings: [],
    });
  });

  it('is warned of where it is none, and a route key was to be propagated', () => {
    expect(propagatorOf('none', route)).toEqual({
      fields: undefined,
      warnings: ['OTEL_PROPAGATORS is none, and so no route key is propagated either'],
    });
  });

  it('is warned of where it names what is not known, or not installed', () => {
    expect(propagatorOf('constructor,ottrace,baggage')).toEqual({
      fields: ['baggage'],
      warnings: [
        'OTEL_PROPAGATORS: the propagator "constructor" is not known, and is left out',
        'OTEL_PROPAGATORS: the propagator "ottrace" is not installed, and is left out',
      ],
    });
  });
});

describe('OTEL_NODE_RESOURCE_DETECTORS', () => {
  function namespacesFound(value: string | undefined) {
    const warnings: string[] = [];
    const resources = loadResources(packages);
    if (resources === undefined) throw new Error('@opentelemetry/resources is not installed');
    const env = { OTEL_NODE_RESOURCE_DETECTORS: value };
    const resource = detectResource(env, resources, (message) => warnings.push(message));
    const names = resource.getRawAttributes().map(([name]) => name.split('.')[0] ?? '');
    return { found: [...new Set(names)].sort(), warnings };
  }

  it.each([
    [undefined, ['host', 'os', 'process', 'service', 'telemetry']],
    ['all', ['host', 'os', 'process', 'service', 'telemetry']],
    ['none', ['service', 'telemetry']],
    ['env, os', ['os', 'service', 'telemetry']],
  ])('%j finds %j', (value, found) => {
    expect(namespacesFound(value)).toEqual({ found, warnings: [] });
  });

  const route = { secret: 's'.repeat(32), previousSecret: undefined, hosts: [] };

  it('has the signed route key beside it, where that is configured', () => {
    expect(propagatorOf('tracecontext', route)).toEqual({
      fields: ['traceparent', 'tracestate', 'x-signalbox-route'],
      warnings: [],
    });
  });

  it('is warned of where it is none, and a route key was to be propagated', () => {
    expect(propagatorOf('none', route)).toEqual({
      fields: undefined,
      warnings: ['OTEL_PROPAGATORS is none, and so no route key is propagated either'],
    });
  });

  it('is warned of where it names what is not known', () => {
    expect(namespacesFound('gcp,host')).toEqual({
      found: ['host', 'service', 'telemetry'],
      warnings: ['OTEL_NODE_RESOURCE_DETECTORS: the detector "gcp" is not known, and is left out'],
    });
  });
});

describe('the switch', () => {
  it.each([
    [{}, false],
    [{ OTEL_SDK_DISABLED: 'TRUE ' }, true],
    [{ OTEL_SDK_DISABLED: 'false' }, false],
    [{ OTEL_SDK_DISABLED: '1' }, false],
    [{ OTEL_TRACES_EXPORTER: '' }, false],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, false],
    [{ OTEL_TRACES_EXPORTER: 'none' }, true],
    [{ OTEL_TRACES_EXPORTER: 'otlp, none' }, true],
  ])('is off under %o: %s', (env, isOff) => {
    expect(isSwitchedOff(env)).toBe(isOff);
  });

  it('tells which exporters have no effect', () => {
    expect(otherExporters({ OTEL_TRACES_EXPORTER: 'otlp, zipkin,,console' })).toEqual([
      'zipkin',
      'console',
    ]);
  });
});
