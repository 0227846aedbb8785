import type { RequestBody } from './body.js';
import type { SendResult } from './result.js';

/** One body, as it goes onto the wire. */
export interface SendRequest {
  readonly body: RequestBody;
  readonly contentType: string;
  /** How many spans are in the body. */
  readonly spans: number;
  /** What counts in place of the backend's own parent, at a backend that has one. */
  readonly parent?: string | undefined;
  /** Value of `Content-Encoding`, where the body is compressed. */
  readonly contentEncoding?: 'gzip';
  /** Aborts the request; the result is then `retryable`. */
  readonly signal?: AbortSignal;
}

/** One backend's HTTP client: its connections and credentials, shared with nobody. */
export interface Transport {
  /** Sends one request. Never rejects, and never follows a redirect. */
  send(request: SendRequest): Promise<SendResult>;
  /** Closes every connection, those in use too. */
  close(): Promise<void>;
}
