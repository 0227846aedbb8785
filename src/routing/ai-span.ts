import { withOwnOnly } from '../encoding/own-properties.js';
import type { ReadableSpan } from '../sdk.js';

/** How names of what AI libraries record begin, as `@braintrust/otel` has it. */
const AI_NAME = /^(?:gen_ai|ai|llm|traceloop|braintrust)\./;

/**
 * Whether a span is one of AI: by its name, or that of one of its attributes, those aside that Braintrust's own processor
 * writes into every span.
 *
 * As `isAISpan` of `@braintrust/otel` 1.0 decides, so that users can move over: root spans are no exception there either,
 * whatever its comments say.
 *
 * @throws what the application's own code throws when the span is read.
 */
export function isAiSpan({ name, attributes }: ReadableSpan): boolean {
  if (AI_NAME.test(name)) return true;
  for (const key in withOwnOnly(attributes)) {
    if (!AI_NAME.test(key)) continue;
    if (key !== 'braintrust.parent' && key !== 'braintrust.context_json') return true;
  }
  return false;
}
