import type { TextMapPropagator } from '@opentelemetry/api';
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from '@opentelemetry/core';
import { RoutePropagator } from '../boundary/propagator.js';
import { otelVariable } from '../config/otel-variables.js';
import type { ResolvedPropagation } from '../config/propagation.js';
import type { Packages } from './packages.js';

type Create = (packages: Packages) => TextMapPropagator | undefined;

/** The propagators that the specification names, and where those stand that are packages of their own. */
const creators: Readonly<Record<string, Create>> = {
  tracecontext: () => new W3CTraceContextPropagator(),
  baggage: () => new W3CBaggagePropagator(),
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
 * @param route - What signed route keys are propagated with, where they are.
 * @param warn - Is told of each that there is none of, which is left out.
 */
export function createPropagator(
  env: NodeJS.ProcessEnv,
  packages: Packages,
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
    const propagator = create?.(packages);
    if (propagator === undefined) {
      const reason = create === undefined ? 'is not known' : 'is not installed';
      warn(`OTEL_PROPAGATORS: the propagator ${JSON.stringify(name)} ${reason}, and is left out`);
    }
    return propagator ?? [];
  });
  // Last, since a route key counts for the trace that the others find.
  if (route !== undefined) propagators.push(new RoutePropagator(route));
  return new CompositePropagator({ propagators });
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
