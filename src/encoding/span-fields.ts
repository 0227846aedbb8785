import type { SpanContext, SpanKind } from '@opentelemetry/api';

const CONTEXT_HAS_IS_REMOTE = 0x100;
const CONTEXT_IS_REMOTE = 0x200;

/**
 * The `flags` of a span, or a link: its W3C trace flags, and whether its parent, or what it links to, is
 * remote (`SpanFlags` in `trace.proto`).
 */
export function flagsOf({ traceFlags }: SpanContext, isRemote: boolean | undefined): number {
  return (traceFlags & 0xff) | CONTEXT_HAS_IS_REMOTE | (isRemote ? CONTEXT_IS_REMOTE : 0);
}

/** The `kind` of a span. The API has no value for "unspecified", which is 0 here. */
export function kindOf(kind: SpanKind | undefined): number {
  return kind == null ? 0 : (kind + 1) >>> 0;
}

/** A count, which is 0 where it is absent. */
export function countOf(count: number | undefined): number {
  return (count ?? 0) >>> 0;
}

/** A name, or what a caller in JavaScript handed over as one, as a text. */
export function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value == null ? '' : String(value);
}
