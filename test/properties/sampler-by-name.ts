import { type Sampler, SamplingDecision } from '@opentelemetry/sdk-trace-base';
import type { Sampling } from './operation.js';

const decisions: Readonly<Record<Sampling, SamplingDecision>> = {
  sampled: SamplingDecision.RECORD_AND_SAMPLED,
  recordedOnly: SamplingDecision.RECORD,
  notRecorded: SamplingDecision.NOT_RECORD,
};

/** Does with a span what its name says, whatever was done with its parent. */
export const samplerByName: Sampler = {
  shouldSample(_context, _traceId, name) {
    const decision = Object.entries(decisions).find(([sampling]) => sampling === name)?.[1];
    return { decision: decision ?? SamplingDecision.RECORD_AND_SAMPLED };
  },
};
