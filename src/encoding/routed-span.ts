import type { ReadableSpan } from '../sdk.js';

/** A span together with what its binding says of it. One object serves every backend of a fan-out. */
export interface RoutedSpan {
  readonly span: ReadableSpan;
  /** The route key to write into the span, or `undefined` where none is to be written. */
  readonly routeKey: string | undefined;
}
