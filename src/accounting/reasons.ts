/** Why a span was dropped before it reached any backend. */
export type RoutingDropReason =
  | 'no_route'
  | 'unknown_route'
  | 'ambiguous'
  | 'park_limit'
  | 'already_shutdown';

/** Why one backend's copy of a span was dropped. */
export type BackendDropReason =
  | 'queue_full'
  | 'buffer_full'
  | 'retry_exhausted'
  | 'refused'
  | 'rejected'
  | 'too_large'
  | 'encode_error'
  | 'shutdown_timeout';
