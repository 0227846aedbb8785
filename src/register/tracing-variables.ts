import { otelVariable } from '../config/otel-variables.js';

/** Is told, in words, of what a variable says that can not be used. */
type Warn = (message: string) => void;

/**
 * The samplers of the SDK's trace package, which has the same ones in every version.
 *
 * @typeParam S - What it calls a sampler, of which nothing need be known here.
 */
export interface Samplers<S = unknown> {
  readonly AlwaysOnSampler: new () => S;
  readonly AlwaysOffSampler: new () => S;
  readonly TraceIdRatioBasedSampler: new (ratio: number) => S;
  readonly ParentBasedSampler: new (options: { root: S }) => S;
}

/** What a package must export to be taken for one with {@link Samplers}. */
export const samplerNames: readonly (keyof Samplers)[] = [
  'AlwaysOnSampler',
  'AlwaysOffSampler',
  'TraceIdRatioBasedSampler',
  'ParentBasedSampler',
];

/**
 * The sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` ask for; `undefined` leaves the SDK its own,
 * which is `parentbased_always_on`. The provider of SDK 2 reads them itself; that of SDK 3 does not.
 *
 * "General SDK Configuration" of the environment variable specification: what is not known is warned of and counts as
 * unset, and a ratio that is none is 1.
 */
export function createSampler<S>(
  env: NodeJS.ProcessEnv,
  samplers: Samplers<S>,
  warn: Warn,
): S | undefined {
  const variable = 'OTEL_TRACES_SAMPLER';
  const name = otelVariable(env, variable);
  if (name === undefined) return undefined;
  const [, parentBased, root] = /^(parentbased_)?(.*)$/.exec(name) ?? [];
  const sampler = createRoot(root, env, samplers, warn);
  if (sampler === undefined) {
    warn(`${variable}: the sampler ${JSON.stringify(name)} is not known, and the default is used`);
    return undefined;
  }
  return parentBased === undefined ? sampler : new samplers.ParentBasedSampler({ root: sampler });
}

function createRoot<S>(
  name: string | undefined,
  env: NodeJS.ProcessEnv,
  samplers: Samplers<S>,
  warn: Warn,
): S | undefined {
  switch (name) {
    case 'always_on':
      return new samplers.AlwaysOnSampler();
    case 'always_off':
      return new samplers.AlwaysOffSampler();
    case 'traceidratio':
      return new samplers.TraceIdRatioBasedSampler(readRatio(env, warn));
    default:
      return undefined;
  }
}

function readRatio(env: NodeJS.ProcessEnv, warn: Warn): number {
  const variable = 'OTEL_TRACES_SAMPLER_ARG';
  const text = otelVariable(env, variable);
  const ratio = Number(text ?? 1);
  if (ratio >= 0 && ratio <= 1) return ratio;
  warn(`${variable}: is no number from 0 to 1, and every trace is sampled`);
  return 1;
}

/** Each limit of a span, and the variables that it is read from, the first that is set counting. */
const limits = {
  attributeCountLimit: ['OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT', 'OTEL_ATTRIBUTE_COUNT_LIMIT'],
  attributeValueLengthLimit: [
    'OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
    'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  ],
  eventCountLimit: ['OTEL_SPAN_EVENT_COUNT_LIMIT'],
  linkCountLimit: ['OTEL_SPAN_LINK_COUNT_LIMIT'],
  attributePerEventCountLimit: [
    'OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT',
    'OTEL_SPAN_ATTRIBUTE_PER_EVENT_COUNT_LIMIT',
  ],
  attributePerLinkCountLimit: [
    'OTEL_LINK_ATTRIBUTE_COUNT_LIMIT',
    'OTEL_SPAN_ATTRIBUTE_PER_LINK_COUNT_LIMIT',
  ],
} as const;

/** Limits of a span, those that a variable gives. */
export type SpanLimits = { readonly [K in keyof typeof limits]?: number };

/**
 * The limits that `OTEL_SPAN_*` and OpenTelemetry's general variables give; the SDK has defaults for the others. The
 * provider of SDK 2 reads them itself; that of SDK 3 does not.
 */
export function readSpanLimits(env: NodeJS.ProcessEnv, warn: Warn): SpanLimits {
  const found: Record<string, number> = {};
  for (const [limit, variables] of Object.entries(limits)) {
    for (const variable of variables) {
      const text = otelVariable(env, variable);
      if (text === undefined) continue;
      const value = Number(text);
      if (value >= 0) {
        found[limit] = value;
        break;
      }
      warn(`${variable}: is not a number from 0, and counts as unset`);
    }
  }
  return found;
}
