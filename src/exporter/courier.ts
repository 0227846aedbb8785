import type { Message } from '../encoding/chunks.js';
import type { RoutedSpan } from '../encoding/routed-span.js';
import type { SendResult } from '../transport/result.js';
import type { Kept, Run } from './run.js';

/** A batch, made ready to be sent, as often as it takes. */
export interface Parcel {
  /** Size of its body, as it is now; 0 where it has none. */
  readonly bytes: number;
  /** What counts in place of the backend's own parent; absent for that one. */
  readonly parent?: string | undefined;
}

/** Runs as they were packed, and the parcel that they became. */
export interface Packed<P extends Parcel> {
  readonly parcel: P;
  /** The same spans; those that were not bytes before may be now. */
  readonly runs: readonly Run[];
}

/**
 * What carries batches to a backend: signalbox's own wire, or an exporter made elsewhere. The queue, the
 * retries and the accounting around it are the same for both.
 */
export interface Courier<P extends Parcel> {
  /** Most parcels that it carries at a time. */
  readonly maxConcurrent: number;
  /** What a span takes of the memory while it is held, beside its bytes. */
  readonly spanOverheadBytes: number;
  /**
   * Takes what will be sent of a span, as it is now, or says why it can not be sent. Never throws.
   *
   * @param parent - What counts in place of the backend's own: spans of two parents share no memory.
   */
  take(span: RoutedSpan, parent: string | undefined): Kept | Error;
  /** Takes back the span of this parent that was taken last, which is not queued. */
  undo(kept: Kept, parent: string | undefined): void;
  /** Takes over a span of another courier that encodes as this one does. Never throws. */
  copy(message: Message, parent: string | undefined): Kept | Error;
  /** Nobody will read these spans, all of this parent, again; nor has anybody who might still. */
  release(runs: readonly Run[], parent: string | undefined): void;
  /** Nothing is held of this parent for now: keeps no more memory for it than the next spans are likely to take. */
  rest(parent: string | undefined): void;
  /** Nothing has come for a while that counts for the backend's own parent: lets go of all memory that waits for it. */
  trim(): void;
  /** Makes a parcel of runs of one parent, or says why a span can not be sent, or not together with the others. */
  pack(runs: readonly Run[], parent: string | undefined): Packed<P> | Error;
  /** Makes the parcel smaller, where the backend is configured so. */
  compress(parcel: P): Promise<P>;
  /** Never rejects. Once `signal` aborts its result is not waited for. */
  send(parcel: P, signal: AbortSignal): Promise<SendResult>;
  /** Settles what the courier itself still holds of the parcels that it has acknowledged. */
  flush(): Promise<void>;
  /** Closes connections, those in use too. Nothing is sent afterwards. */
  close(): Promise<void>;
}
