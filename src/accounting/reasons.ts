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
  | 'shutdown_timeout'
  | 'backend_removed'
  | 'spool_full'
  | 'spool_expired'
  | 'quarantined';

/** Every reason there is to lose a span. */
export type DropReason = RoutingDropReason | BackendDropReason;

/** What each reason means, and what to do about it: one line of the log. */
export const DROP_ADVICE: Readonly<Record<DropReason, string>> = {
  no_route:
    'the request set no route key and there is no default route. Call setRoute in every request, or set SIGNALBOX_DEFAULT_ROUTE',
  unknown_route:
    'the route key of the request leads to no route. Add it to SIGNALBOX_ROUTES, or set SIGNALBOX_UNKNOWN_ROUTE=default',
  ambiguous:
    'it can not be known which request the span belongs to. Wrap what timers, pools and queues run in withRoute, or each request in withBoundary',
  park_limit:
    'too many spans waited for the route of their request, or one waited too long. Decide the route earlier, or raise SIGNALBOX_PARK_MAX_SPANS, SIGNALBOX_PARK_TIMEOUT or SIGNALBOX_MAX_BUFFERED_BYTES, or set SIGNALBOX_PARK_OVERFLOW=default',
  already_shutdown:
    'the span ended after shutdown() was called. Finish the requests first, then shut down',
  queue_full:
    'the queue is full: the backend is down, or slower than its spans come. Check the backend, or raise its MAX_QUEUE_SIZE or MAX_QUEUE_BYTES',
  buffer_full:
    'the memory that all backends share is full, and this backend holds its part of it. Check the backend, or raise SIGNALBOX_MAX_BUFFERED_BYTES',
  retry_exhausted:
    'the backend did not take them in all the time that retries may last. Check that its endpoint can be reached, or raise its RETRY_MAX_ELAPSED',
  refused:
    'the backend refused the request, and would refuse it again. Check its endpoint, path and credentials',
  rejected:
    'the backend took the request but not these spans. Look into its limits and its own logs',
  too_large:
    'the backend takes no request as large as this one span. Record less in a span, or raise the limit of the backend',
  encode_error:
    'they could not be encoded. Look for attributes that are not plain values, such as objects with getters, and for errors in a view function',
  shutdown_timeout:
    'the backend did not take them before shutdown() had to end. Check the backend, or raise SIGNALBOX_SHUTDOWN_TIMEOUT',
  backend_removed:
    'update() removed or replaced the backend, or it was idle, and it had closed before this request ended. Nothing is wrong if such requests are rare',
  spool_full:
    'the backend has been down for so long that its spool is full. Check the backend, or raise its SPOOL_MAX_BYTES',
  spool_expired:
    'they have waited on disk for too long. Check the backend, or raise its SPOOL_MAX_AGE',
  quarantined:
    'their file was damaged, or written for another URL, parent, account or view. Look into the quarantine directory of the spool',
};
