/**
 * What became of one request to a backend. A result is a value: exceptions mean bugs.
 *
 * The classes follow "OTLP/HTTP Response" of the OTLP specification: 429, 502, 503, 504, connection
 * failures and lost answers can be retried, everything else is final, but for a refusal of credentials that may
 * change.
 */
export type SendResult = Success | Retryable | TooLarge | Refused | Unauthorized;

/** The backend has taken the batch, but for `rejectedSpans` of it. */
export interface Success {
  readonly status: 'success';
  /** From `partial_success`; 0 where the answer has none, or one that can not be read. */
  readonly rejectedSpans: number;
  /**
   * The backend's own words, from `partial_success.error_message`, or why its answer could not be read.
   * May come with 0 rejected spans.
   */
  readonly message?: string;
  readonly httpStatus?: number;
}

/** The same bytes may be sent again, not before `retryAfterMs` where the backend asked for it. */
export interface Retryable {
  readonly status: 'retryable';
  readonly retryAfterMs?: number;
  readonly failure: SendFailure;
}

/** 413: a smaller request may pass; the same one never will. */
export interface TooLarge {
  readonly status: 'too_large';
  readonly failure: SendFailure;
}

/** Final: sending the same bytes again can not help. */
export interface Refused {
  readonly status: 'refused';
  readonly failure: SendFailure;
}

/** Refused for its credentials, which may change: with others the same bytes may pass. */
export interface Unauthorized {
  readonly status: 'unauthorized';
  /**
   * Resolves once there are other credentials than those that the request was sent with, at once where there are by
   * now; never, where none come.
   */
  readonly renewed: Promise<void>;
  readonly failure: SendFailure;
}

/** Why a request failed, in words that can be logged: no header values, no URL user-info or query. */
export interface SendFailure {
  /** One line for the log, such as `HTTP 503` or `connect ECONNREFUSED 127.0.0.1:4318`. */
  readonly message: string;
  /** Value of the `error.type` metric attribute: the HTTP status, or the error's code. */
  readonly errorType: string;
  readonly httpStatus?: number;
}
