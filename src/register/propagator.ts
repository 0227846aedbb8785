import type { TextMapPropagator } from '@opentelemetry/api';
import { RoutePropagator } from '../boundary/propagator.js';
import { otelVariable } from '../config/otel-variables.js';
import type { ResolvedPropagation } from '../config/propagation.js';
import { type Packages, withExports } from './packages.js';

/** The propagators of `@opentelemetry/core`, from the SDK's own version of it. */
export interface Propagators {
  readonly CompositePropagator: new (options: {
    readonly propagators: TextMapPropagator[];
  }) => TextMapPropagator;
  readonly W3CBaggagePropagator: new () => TextMapPropagator;
  readonly W3CTraceContextPropagator: new () => TextMapPropagator;
}

/** `@opentelemetry/core`, if it is there and is one that can be used. */
export function loadPropagators(packages: Packages): Propagators | undefined {
  return withExports<Propagators>(packages.load('@opentelemetry/core'), [
    'CompositePropagator',
    'W3CBaggagePropagator',
    'W3CTraceContextPropagator',
  ]);
}

type Create = (packages: Packages, core: Propagators) => TextMapPropagator | undefined;

/** The propagators that the specification names, and where those stand that are packages of their own. */
const creators: Readonly<Record<string, Create>> = {
  tracecontext: (_, core) => new core.W3CTraceContextPropagator(),
  baggage: (_, core) => new core.W3CBaggagePropagator(),
  b3: fromPackage('@opentelemetry/propagator-b3', 'B3Propagator'),
  // 1 is `B3InjectEncoding.MULTI_HEADER`.
  b3multi: fromPackage('@opentelemetry/propagator-b3', 'B3Propagator', { injectEncoding: 1 }),
  jaeger: fromPackage('@opentelemetry/propagator-jaeger', 'JaegerPropagator'),
  xray: fromPackage('@opentelemetry/propagator-aws-xray', 'AWSXRayPropagator'),
  ottrace: fromPackage('@opentelemetry/propagator-ot-trace', 'OTTracePropagator'),
};

/**
 * The propagator that `OTEL_PROPAGATORS` asks for: `tracecontext,baggage` by default; `undefined` for `none`.
 *
 * @param packages - Where those are that are no part of `core`.
 * @param route - What signed route keys are propagated with, where they are.
 * @param warn - Is told of each that there is none of, which is left out.
 */
export function createPropagator(
  env: NodeJS.ProcessEnv,
  packages: Packages,
  core: Propagators,
  route: ResolvedPropagation | undefined,
  warn: (message: string) => void,
): TextMapPropagator | undefined {
  const text = otelVariable(env, 'OTEL_PROPAGATORS') ?? 'tracecontext,baggage';
  const names = new Set(text.split(',').map((name) => name.trim()));
  if (names.has('none')) {
    if (route !== undefined)
      warn('OTEL_PROPAGATORS is none, and so no route key is propagated either');
    return undefined;
  }
  const propagators = [...names].flatMap((name) => {
    const create = Object.hasOwn(creators, name) ? creators[name] : undefined;
    const propagator = create?.(packages, core);
    if (propagator === undefined) {
      const reason = create === undefined ? 'is not known' : 'is not installed';
      warn(`OTEL_PROPAGATORS: the propagator ${JSON.stringify(name)} ${reason}, and is left out`);
    }
    return propagator ?? [];
  });
  // Last, since a route key counts for the trace that the others find.
  if (route !== undefined) propagators.push(new RoutePropagator(route));
  return new core.CompositePropagator({ propagators });
}

function fromPackage(name: string, constructorName: string, options?: object): Create {
  return (packages) => {
    const loaded = packages.load(name);
    if (typeof loaded !== 'object' || loaded === null) return undefined;
    const Propagator: unknown = Reflect.get(loaded, constructorName);
    if (typeof Propagator !== 'function') return undefined;
    return Reflect.construct(Propagator, [options]) as TextMapPropagator;
  };
}
