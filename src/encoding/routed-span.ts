import type { ReadableSpan } from '../sdk.js';
import type { Message } from './chunks.js';
import type { SpanEncoder } from './span-encoder.js';

/** A span together with what its binding says of it. One object serves every backend of a fan-out. */
export interface RoutedSpan {
  readonly span: ReadableSpan;
  /** Its route key, which is written into it where an attribute for it is configured. */
  readonly routeKey: string | undefined;
  /** What its route says of how it travels; `undefined` where that is nothing. */
  readonly lane?: RouteLane | undefined;
  /**
   * For a span that goes to several backends what has been encoded of it so far, each time by another encoder,
   * for the next backend to copy. `undefined` for a span that goes to one.
   */
  readonly encodings?: Encoding[] | undefined;
}

/** A span on its way, of which nothing has been encoded. */
export function createRoutedSpan(
  span: ReadableSpan,
  routeKey: string | undefined,
  lane: RouteLane | undefined,
  encodings: Encoding[] | undefined,
): RoutedSpan {
  return new OutgoingSpan(span, routeKey, lane, encodings);
}

/** A class for the reason that a decision is one. */
class OutgoingSpan implements RoutedSpan {
  readonly span: ReadableSpan;
  readonly routeKey: string | undefined;
  readonly lane: RouteLane | undefined;
  readonly encodings: Encoding[] | undefined;

  constructor(
    span: ReadableSpan,
    routeKey: string | undefined,
    lane: RouteLane | undefined,
    encodings: Encoding[] | undefined,
  ) {
    this.span = span;
    this.routeKey = routeKey;
    this.lane = lane;
    this.encodings = encodings;
  }
}

/** What a route says of how its spans travel, by identity: spans of two lanes share no batch. */
export interface RouteLane {
  /** What counts in place of a backend's own parent, at backends that have one. */
  readonly parent: string | undefined;
  /** The route key, where its spans are counted by backend. */
  readonly countedKey: string | undefined;
  /** Whether the spans are another backend's, for which the one that has them stands by. @default false */
  readonly isGuest?: boolean;
}

/** A span as one encoder wrote it, in the chunks of the first backend that asked for it. */
export interface Encoding {
  readonly encoder: SpanEncoder;
  readonly message: Message;
  /** Gives the bytes free: every backend has its copy. */
  readonly release: () => void;
}
