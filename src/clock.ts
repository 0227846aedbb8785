/** Cancels what was scheduled; calling it again, or after it ran, does nothing. */
export type Cancel = () => void;

/** Time, as an argument, so that tests can own it. */
export interface Clock {
  /** Milliseconds on a monotonic clock. */
  now(): number;
  /** Milliseconds since the epoch, for what people read. */
  epochMs(): number;
  /**
   * Runs `fn` after `delayMs`, or as soon as the event loop turns for 0.
   *
   * It runs in an empty OpenTelemetry context with tracing suppressed, whoever calls: a timer that a
   * span's end starts must not keep that request's context alive, nor make spans of its own. A timer
   * does not keep the process alive unless `keepAlive` is true; one of 0 does, for its one turn.
   */
  schedule(fn: () => void, delayMs: number, keepAlive?: boolean): Cancel;
}
