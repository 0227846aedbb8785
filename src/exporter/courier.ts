import type { RoutedSpan } from '../encoding/routed-span.js';
import type { SendResult } from '../transport/result.js';

/** A batch, made ready to be sent, as often as it takes. */
export interface Parcel {
  /** Size of its body, as it is now; 0 where it has none. */
  readonly bytes: number;
}

/**
 * What carries batches to a backend: signalbox's own wire, or an exporter made elsewhere. The queue, the
 * retries and the accounting around it are the same for both.
 */
export interface Courier<P extends Parcel> {
  /** Most parcels that it carries at a time. */
  readonly maxConcurrent: number;
  /** What a span takes of the memory while it is held, beside its estimated bytes. */
  readonly spanOverheadBytes: number;
  /** What the span is taken to need in a parcel. Never throws. */
  estimateBytes(span: RoutedSpan): number;
  /** @throws on a span that can not be encoded, and on spans that can not be encoded together. */
  encode(spans: readonly RoutedSpan[]): P;
  /** Makes the parcel smaller, where the backend is configured so. */
  compress(parcel: P): Promise<P>;
  /** Never rejects. Once `signal` aborts its result is not waited for. */
  send(parcel: P, signal: AbortSignal): Promise<SendResult>;
  /** Settles what the courier itself still holds of the parcels that it has acknowledged. */
  flush(): Promise<void>;
  /** Closes connections, those in use too. Nothing is sent afterwards. */
  close(): Promise<void>;
}
