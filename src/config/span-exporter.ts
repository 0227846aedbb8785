import type { ReadableSpan } from '../encoding/readable-span.js';

/** Any exporter of the SDK. Structural, so that the interface of SDK 2 and of SDK 3 both fit. */
export interface SpanExporter {
  export(spans: ReadableSpan[], resultCallback: (result: ExportResult) => void): void;
  forceFlush?(): Promise<void>;
  shutdown(): Promise<void>;
}

/** The SDK's `ExportResult`: code 0 is success, 1 is failure. */
export interface ExportResult {
  readonly code: number;
  readonly error?: Error;
}
