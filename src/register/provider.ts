import { ProxyTracerProvider, type TracerProvider, trace } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { RoutingSpanProcessor } from '../routing/processor.js';
import { type Packages, withExports } from './packages.js';
import { loadPropagators, type Propagators } from './propagator.js';
import { loadResources } from './resource.js';
import { createSampler, readSpanLimits, samplerNames } from './tracing-variables.js';

type Sdk2 = Pick<typeof import('@opentelemetry/sdk-trace-node'), 'NodeTracerProvider'>;
type ContextManagers = Pick<
  typeof import('@opentelemetry/context-async-hooks'),
  'AsyncLocalStorageContextManager'
>;

/** What a provider is made with. */
export interface ProviderOptions {
  readonly processor: RoutingSpanProcessor;
  readonly resource: Resource;
  readonly env: NodeJS.ProcessEnv;
  readonly warn: (message: string) => void;
}

/** The parts of the SDK that tracing takes, all from one installation of it. */
export interface TracingSdk {
  /**
   * Makes a provider whose spans go to the processor. Its sampler is that of `OTEL_TRACES_SAMPLER` and
   * `OTEL_TRACES_SAMPLER_ARG`, and its limits those of `OTEL_SPAN_*`.
   */
  readonly createProvider: (options: ProviderOptions) => TracerProvider;
  readonly AsyncLocalStorageContextManager: ContextManagers['AsyncLocalStorageContextManager'];
  readonly propagators: Propagators;
  readonly resources: NonNullable<ReturnType<typeof loadResources>>;
}

/** Where one version of the SDK has its provider, and whose own dependencies fit it. */
interface Sdk {
  readonly version: 2 | 3;
  readonly name: string;
  readonly inSdk: Packages;
  readonly createProvider: TracingSdk['createProvider'] | undefined;
}

/**
 * Loads the SDK: version 2 where `@opentelemetry/sdk-trace-node` is installed, which is all that it needs, else version 3,
 * which has `@opentelemetry/sdk-trace` in its place, and needs `@opentelemetry/context-async-hooks` beside it. The others
 * are taken from its own dependencies.
 *
 * @returns the packages that are missing, or can not be used, where there are any.
 */
export function loadSdk(packages: Packages): TracingSdk | { readonly missing: readonly string[] } {
  const sdk = findSdk2(packages) ?? findSdk3(packages);
  if (sdk?.createProvider === undefined) {
    return { missing: [sdk === undefined ? '@opentelemetry/sdk-trace-node@2' : nameOf(sdk)] };
  }
  const { inSdk, createProvider, version } = sdk;
  const hooks = '@opentelemetry/context-async-hooks';
  const managers = withExports<ContextManagers>(inSdk.load(hooks), [
    'AsyncLocalStorageContextManager',
  ]);
  const resources = loadResources(inSdk);
  const propagators = loadPropagators(inSdk);
  if (managers !== undefined && resources !== undefined && propagators !== undefined) {
    return { ...managers, createProvider, propagators, resources };
  }
  const missing: string[] = [];
  if (managers === undefined) missing.push(`${hooks}@${version}`);
  if (resources === undefined) missing.push(`@opentelemetry/resources@${version}`);
  if (propagators === undefined) missing.push(`@opentelemetry/core@${version}`);
  return { missing };
}

function nameOf({ name, version }: Sdk): string {
  return `${name}@${version}`;
}

function findSdk2(packages: Packages): Sdk | undefined {
  const name = '@opentelemetry/sdk-trace-node';
  const path = packages.resolve(name);
  if (path === undefined) return undefined;
  const inNode = packages.within(path);
  const loaded = withExports<Sdk2>(packages.load(name), ['NodeTracerProvider']);
  return {
    version: 2,
    name,
    inSdk: inNode.within(inNode.resolve('@opentelemetry/sdk-trace-base')),
    // It reads sampler and limits itself, from `process.env`.
    createProvider:
      loaded &&
      (({ processor, resource }) =>
        new loaded.NodeTracerProvider({ resource, spanProcessors: [processor] })),
  };
}

/** What is used of `@opentelemetry/sdk-trace` 3. Structural, as nothing can be compiled against both versions. */
interface Sdk3 {
  readonly TracerProvider: new (options: object) => TracerProvider;
}

function findSdk3(packages: Packages): Sdk | undefined {
  const name = '@opentelemetry/sdk-trace';
  const path = packages.resolve(name);
  if (path === undefined) return undefined;
  const loaded = packages.load(name);
  const sdk = withExports<Sdk3>(loaded, ['TracerProvider']);
  const samplers = withExports(loaded, samplerNames);
  return {
    version: 3,
    name,
    inSdk: packages.within(path),
    createProvider:
      sdk &&
      samplers &&
      (({ processor, resource, env, warn }) =>
        new sdk.TracerProvider({
          resource,
          spanProcessors: [processor],
          sampler: createSampler(env, samplers, warn),
          spanLimits: readSpanLimits(env, warn),
        })),
  };
}

/** Whether some code has registered a tracer provider already. */
export function hasProvider(): boolean {
  const registered = trace.getTracerProvider();
  // Before anything is registered it is a proxy, which then has the no-op provider behind it.
  if (!('getDelegate' in registered) || typeof registered.getDelegate !== 'function') return true;
  return registered.getDelegate() !== new ProxyTracerProvider().getDelegate();
}
