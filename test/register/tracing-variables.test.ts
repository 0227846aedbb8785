import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { createSampler, readSpanLimits } from '../../src/register/tracing-variables.js';

const samplers = {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
};

function samplerOf(name: string | undefined, arg?: string) {
  const warnings: string[] = [];
  const env = { OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: arg };
  const sampler = createSampler(env, samplers, (message) => warnings.push(message));
  return { sampler: sampler && String(sampler), warnings };
}

const parentBased = (root: string) =>
  String(new ParentBasedSampler({ root: new AlwaysOnSampler() })).replace(
    'root=AlwaysOnSampler',
    `root=${root}`,
  );

describe('OTEL_TRACES_SAMPLER', () => {
  it.each([
    ['always_on', undefined, 'AlwaysOnSampler'],
    ['always_off', '0.5', 'AlwaysOffSampler'],
    ['traceidratio', '0.25', 'TraceIdRatioBased{0.25}'],
    ['traceidratio', undefined, 'TraceIdRatioBased{1}'],
    [' parentbased_always_on ', undefined, parentBased('AlwaysOnSampler')],
    ['parentbased_always_off', undefined, parentBased('AlwaysOffSampler')],
    ['parentbased_traceidratio', '0', parentBased('TraceIdRatioBased{0}')],
    [undefined, '0.5', undefined],
    ['', undefined, undefined],
  ])('%j with %j is %s', (name, arg, sampler) => {
    expect(samplerOf(name, arg)).toEqual({ sampler, warnings: [] });
  });

  it.each(['jaeger_remote', 'parentbased_', 'ALWAYS_ON', 'parentbased_parentbased_always_on'])(
    'that is %s is warned of, and the SDK has its own',
    (name) => {
      expect(samplerOf(name)).toEqual({
        sampler: undefined,
        warnings: [
          `OTEL_TRACES_SAMPLER: the sampler "${name}" is not known, and the default is used`,
        ],
      });
    },
  );

  it.each(['1.5', '-1', 'half', 'NaN'])('with a ratio of %s samples every trace', (arg) => {
    expect(samplerOf('traceidratio', arg)).toEqual({
      sampler: 'TraceIdRatioBased{1}',
      warnings: ['OTEL_TRACES_SAMPLER_ARG: is no number from 0 to 1, and every trace is sampled'],
    });
  });
});

describe('the limits of a span', () => {
  it('are those that the variables give, a span’s own before the general ones', () => {
    const env = {
      OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '1',
      OTEL_ATTRIBUTE_COUNT_LIMIT: '9',
      OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '2',
      OTEL_SPAN_EVENT_COUNT_LIMIT: '0',
      OTEL_SPAN_LINK_COUNT_LIMIT: ' 4 ',
      OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: '5',
      OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: '6',
    };
    expect(readSpanLimits(env, () => {})).toEqual({
      attributeCountLimit: 1,
      attributeValueLengthLimit: 2,
      eventCountLimit: 0,
      linkCountLimit: 4,
      attributePerEventCountLimit: 5,
      attributePerLinkCountLimit: 6,
    });
    expect(readSpanLimits({}, () => {})).toEqual({});
  });

  it('that are no numbers are warned of, and count as unset', () => {
    const warnings: string[] = [];
    const env = {
      OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: 'many',
      OTEL_ATTRIBUTE_COUNT_LIMIT: '9',
      OTEL_SPAN_LINK_COUNT_LIMIT: '-1',
    };
    expect(readSpanLimits(env, (message) => warnings.push(message))).toEqual({
      attributeCountLimit: 9,
    });
    expect(warnings).toEqual([
      'OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: is not a number from 0, and counts as unset',
      'OTEL_SPAN_LINK_COUNT_LIMIT: is not a number from 0, and counts as unset',
    ]);
  });
});
