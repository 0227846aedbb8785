import type { RoutedSpan } from '../encoding/routed-span.js';

/** One backend, from accepted to settled. Nothing here throws or rejects. */
export interface Exporter {
  /** The backend's name. */
  readonly name: string;
  /** Takes one span over; from here on it is counted for this backend until it is settled. */
  accept(span: RoutedSpan): void;
  /** Resolves when every span accepted before the call is settled: delivered, or dropped with a reason. */
  flush(): Promise<void>;
  /**
   * Settles what it can until `deadline` resolves, drops the rest as `shutdown_timeout`, and closes the
   * connections. Spans accepted later are dropped likewise.
   */
  shutdown(deadline: Promise<void>): Promise<void>;
}
