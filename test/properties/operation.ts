import type { Key } from './model.js';

/**
 * What a test does to a service, one step at a time.
 *
 * Contexts are never forgotten, as a timer never forgets its own: any step may run in any context that any
 * step before has made. They are named from the newest back, so that a shorter list of steps still means much
 * the same, which is what lets fast-check shrink one.
 */
export type Operation =
  /** Starts a span, and makes the context in which it is active. */
  | {
      readonly kind: 'start';
      readonly in: Place;
      readonly root: boolean;
      readonly sampling: Sampling;
      readonly write: HostileWrite | undefined;
    }
  | { readonly kind: 'end'; readonly span: number }
  /** Makes a context with a remote parent: of one of a few traces, so that requests may share one. */
  | { readonly kind: 'remoteParent'; readonly in: Place; readonly trace: number }
  | { readonly kind: 'setRoute'; readonly in: Place; readonly key: Key }
  /** Makes the context inside `withRoute`. */
  | { readonly kind: 'withRoute'; readonly in: Place; readonly key: Key }
  /** Makes the context inside `withBoundary`. */
  | { readonly kind: 'withBoundary'; readonly in: Place; readonly end: BoundaryEnd }
  /** A boundary that is still running completes. */
  | { readonly kind: 'complete'; readonly boundary: number }
  /** Makes the context of a pooled callback: the scope of one request, the active span of another. */
  | { readonly kind: 'mix'; readonly scopeOf: Place; readonly spanOf: Place }
  /** Makes a context whose parent is the active span in other clothes. */
  | { readonly kind: 'disguise'; readonly in: Place; readonly as: Disguise }
  /** Writes what only signalbox should; the span may have ended. */
  | { readonly kind: 'write'; readonly span: number; readonly write: HostileWrite }
  /** Lets the event loop turn, so that batches leave and answers arrive. */
  | { readonly kind: 'turn' }
  | { readonly kind: 'forceFlush' }
  /** Shuts one of the processors down; the others go on. */
  | { readonly kind: 'shutdown'; readonly processor: number };

/** A context: the root one, or the n-th from the newest back (again from the newest where there are fewer). */
export type Place = 'root' | number;

export type Sampling = 'sampled' | 'notRecorded' | 'recordedOnly';

export type BoundaryEnd = 'atOnce' | 'throws' | 'resolves' | 'rejects';

export type Disguise =
  /** `trace.setSpanContext` with the span's own context object. */
  | 'rewrapped'
  /** With a new object that has its ids. */
  | 'rebuilt'
  /** As if it had come over the wire: a service that calls itself. */
  | 'remote'
  | 'invalid'
  /** No parent at all; the scope stays. */
  | 'none';

export type HostileWrite =
  | 'setAttribute'
  | 'setAttributes'
  /** An array in place of the key. */
  | 'array'
  /** More attributes than any span limit lets in. */
  | 'flood'
  /** Past the API, into the SDK's own object. */
  | 'object';
