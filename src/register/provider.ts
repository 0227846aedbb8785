import { ProxyTracerProvider, type TracerProvider, trace } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { RoutingSpanProcessor } from '../routing/processor.js';
import { type Packages, withExports } from './packages.js';
import { loadResources } from './resource.js';

type Sdk = Pick<typeof import('@opentelemetry/sdk-trace-node'), 'NodeTracerProvider'>;
type ContextManagers = Pick<
  typeof import('@opentelemetry/context-async-hooks'),
  'AsyncLocalStorageContextManager'
>;

/** The parts of the SDK that tracing takes, all from one installation of it. */
export interface TracingSdk {
  readonly NodeTracerProvider: Sdk['NodeTracerProvider'];
  readonly AsyncLocalStorageContextManager: ContextManagers['AsyncLocalStorageContextManager'];
  readonly resources: NonNullable<ReturnType<typeof loadResources>>;
}

/**
 * Loads the SDK. `@opentelemetry/sdk-trace-node` is all that has to be installed: the others are taken from its
 * own dependencies, which fit it.
 *
 * @returns the packages that are missing, or can not be used, where there are any.
 */
export function loadSdk(packages: Packages): TracingSdk | { readonly missing: readonly string[] } {
  const name = '@opentelemetry/sdk-trace-node';
  const inSdk = packages.within(packages.resolve(name));
  const inBase = inSdk.within(inSdk.resolve('@opentelemetry/sdk-trace-base'));
  const sdk = withExports<Sdk>(packages.load(name), ['NodeTracerProvider']);
  const managers = withExports<ContextManagers>(inSdk.load('@opentelemetry/context-async-hooks'), [
    'AsyncLocalStorageContextManager',
  ]);
  const resources = loadResources(inBase);
  if (sdk === undefined) return { missing: [`${name}@2`] };
  const missing: string[] = [];
  if (managers === undefined) missing.push('@opentelemetry/context-async-hooks@2');
  if (resources === undefined) missing.push('@opentelemetry/resources@2');
  if (managers === undefined || resources === undefined) return { missing };
  return { ...sdk, ...managers, resources };
}

/**
 * A provider whose spans go to `processor`. Its sampler is that of `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`,
 * and its limits those of `OTEL_SPAN_*`: it reads these itself, from `process.env`.
 */
export function createProvider(
  { NodeTracerProvider }: TracingSdk,
  processor: RoutingSpanProcessor,
  resource: Resource,
): TracerProvider {
  return new NodeTracerProvider({ resource, spanProcessors: [processor] });
}

/** Whether some code has registered a tracer provider already. */
export function hasProvider(): boolean {
  const registered = trace.getTracerProvider();
  // Before anything is registered it is a proxy, which then has the no-op provider behind it.
  if (!('getDelegate' in registered) || typeof registered.getDelegate !== 'function') return true;
  return registered.getDelegate() !== new ProxyTracerProvider().getDelegate();
}
