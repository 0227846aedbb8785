import type { MeterProvider } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '../sdk.js';
import type { AuditEvent } from './audit-event.js';
import type { MonitoringConfig } from './monitoring-settings.js';
import type { RequestDispatcher } from './request-dispatcher.js';

/**
 * One backend of a route, and what it gets of the route's spans.
 *
 * Where a route has a shadow or a share `stats().routes` counts its spans by backend, so that two sides can be compared.
 */
export interface RouteBackend {
  /** Its name. */
  backend: string;

  /**
   * A `shadow` gets copies that may be lost: it has no part of the memory that every other backend is guaranteed and gives
   * way first, it has no place on disk, and no `forceFlush` waits for it.
   *
   * @default 'primary'
   */
  role?: 'primary' | 'shadow' | undefined;

  /**
   * The part of the route's traces that it gets, such as `10%`. All by default.
   *
   * Which traces these are is decided by a hash of the route key and the whole trace id, whatever samplers decide: the same
   * for all spans of a trace, in every service. Of backends that are no shadows those with a share exclude each other, in
   * the order in which they stand, and their shares add to 100%; one without a share gets every span.
   */
  share?: string | undefined;
}

/**
 * The configuration of a `RoutingSpanProcessor`, as code gives it.
 *
 * It is read once, copied and frozen. Nothing in it is taken from the environment: what `fromEnv` would
 * use is made by `loadConfig()`. An option that is `undefined` counts as left out.
 */
export interface SignalboxConfig {
  /**
   * The backends by name. A name is 1 to 64 letters, digits, `-` and `_`, beginning with a letter or
   * digit, so that it is a route key and a part of a variable's name as well.
   */
  backends: Record<string, BackendConfig>;

  /**
   * What each route key leads to: one backend or, for fan-out, several.
   *
   * For a migration a backend may have a role and a share; see {@link RouteBackend}.
   *
   * Without it, and without `template` and `resolveBackend`, each backend's own name is its key. With it only these keys
   * exist, so that a key taken from a request can never name a backend that no route offers; an empty object offers
   * none.
   */
  routes?: Record<string, readonly (string | RouteBackend)[]> | undefined;

  /**
   * The parent of a route key's spans, at the backends of its route that have parents (the preset `braintrust`), in place
   * of the backend's own `parent`: a project per tenant, at one backend. Batches are of one parent each, so that a project
   * that the backend forbids holds up nobody else's.
   *
   * @default {}
   */
  routeParents?: Readonly<Record<string, string>> | undefined;

  /**
   * The backend of every key that no route knows: one for each key, made from this pattern when it is first needed.
   *
   * `{route}` stands for the key. It is, once, the whole left-most label of the host in `endpoint` (or
   * `tracesEndpoint`), as in `https://{route}.data.example`, and nowhere else; a key that is not one lower-case DNS
   * label (RFC 1123: 1 to 63 of `a` to `z`, digits and `-`, beginning and ending with a letter or digit) is unknown. So a
   * key can not change the scheme, the rest of the host, or the path. Hosts with a loopback, private or link-local
   * address are refused.
   *
   * All other settings are those of every backend that is made, its credentials included. The exporter is
   * signalbox's own.
   */
  template?: BackendConfig | undefined;

  /**
   * Finds the backend of a key that no route knows, in place of `template`; `undefined` where there is none. Called
   * outside of every request's context, once per key while its answer is pending, and again when that is older than
   * `resolveBackendTtlMs`.
   *
   * Spans wait for the answer as they do for a key: within the parking limits, and for `parkTimeoutMs` at most. Where it
   * throws, rejects, or gives no valid backend, they are dropped as `unknown_route`, and not sent to the default route,
   * whatever `unknownRoute` says; it is asked again after 5 seconds.
   */
  resolveBackend?: ResolveBackend | undefined;

  /**
   * How long an answer of `resolveBackend` counts, in milliseconds; also the answer that there is no backend.
   *
   * 5 minutes, so that a tenant that moves or comes is noticed without a restart, and a lookup costs next to nothing.
   *
   * @default 300_000
   */
  resolveBackendTtlMs?: number | undefined;

  /**
   * How long a backend of `template` or `resolveBackend` stays open without a span, in milliseconds. It is closed when
   * what it holds is settled, and opened again when it is needed.
   *
   * 10 minutes: tenants that come now and then keep their place, and those that have gone do not hold one for long.
   *
   * @default 600_000
   */
  templateIdleTimeoutMs?: number | undefined;

  /**
   * Most backends of `template` or `resolveBackend` that are open at once, those that are being looked up included.
   * Spans of a key that would need one more are dropped as `unknown_route`, and not sent to the default route, whatever
   * `unknownRoute` says.
   *
   * 1,000, because keys may come from whoever sends requests, and each open backend has a queue and connections.
   *
   * @default 1_000
   */
  templateMaxBackends?: number | undefined;

  /**
   * Where requests that set no key go: a route key, or a backend's name.
   *
   * No default, because a span without a key belongs to nobody in particular: it is dropped and counted
   * as `no_route`.
   */
  defaultRoute?: string | undefined;

  /**
   * What happens to the spans of a key that no route knows: `drop`, counted as `unknown_route`, or
   * `default`, which sends them down the default route.
   *
   * Dropped, because a mistyped tenant must not end up with somebody else's backend.
   *
   * @default 'drop'
   */
  unknownRoute?: 'drop' | 'default' | undefined;

  /**
   * Groups of residency classes that exclude each other, such as `[['eu', 'us']]`: the spans of one route key may reach
   * backends of one class of a group alone. A class may be in several groups; classes that share none do not exclude each
   * other. Checked at construction, at each `update`, for each backend that is found for a key, and before what is on disk
   * is sent.
   *
   * @default []
   */
  exclusiveClasses?: readonly (readonly string[])[] | undefined;

  /**
   * The residency class that a route key requires of every backend that its spans may reach, such as `{ acme: 'eu' }`. Of
   * keys that have a route, or whose backend `template` or `resolveBackend` finds: a backend of another class is no valid
   * answer for such a key, and where it has none its spans are dropped as `unknown_route`, whatever `unknownRoute` says.
   *
   * Where any key requires a class, all backends of the default route must have one: whose spans leave by it may not be
   * known yet.
   *
   * @default {}
   */
  routeClasses?: Readonly<Record<string, string>> | undefined;

  /**
   * Name of the span attribute that carries the route key. The empty string writes none.
   *
   * @default 'signalbox.route'
   */
  routeAttribute?: string | undefined;

  /**
   * Most bytes that all queues, parked spans and bodies in flight may hold together, those of other processors in
   * this process (or worker thread) included. Where processors differ the smallest maximum counts for all.
   *
   * 64 MiB, which bridges minutes of an outage for most services and is small beside a Node heap.
   *
   * @default 67_108_864
   */
  maxBufferedBytes?: number | undefined;

  /**
   * The hosts that backends may be at: names, `*.example.com` for every name below `example.com` (at any depth and
   * without itself), addresses, and networks in CIDR notation. In any case, without ports; international names in
   * either form.
   *
   * Every host by default, since whoever configures a backend has named its host. A list makes a mistake, or an
   * address that DNS gives, unable to lead elsewhere. With or without one, link-local addresses and those of cloud
   * metadata are refused, unless they are listed one by one.
   */
  allowedHosts?: readonly string[] | undefined;

  /**
   * Longest that `shutdown()` waits for backends, in milliseconds; what is left then is dropped.
   *
   * 5 seconds, well inside the 10 or 30 that orchestrators leave between SIGTERM and SIGKILL.
   *
   * @default 5_000
   */
  shutdownTimeoutMs?: number | undefined;

  /**
   * Most spans that may be parked, over all requests whose route is still open. 0 turns parking off: a
   * request without a key then goes to the default route as it starts.
   *
   * @default 10_000
   */
  parkMaxSpans?: number | undefined;

  /**
   * Longest that a span may be parked, in milliseconds.
   *
   * 30 seconds, because a request that has not been authenticated by then rarely is.
   *
   * @default 30_000
   */
  parkTimeoutMs?: number | undefined;

  /**
   * What happens to parked spans past a limit: `drop`, counted as `park_limit`, or `default`, which
   * settles their decision to the default route.
   *
   * Dropped, because their tenant may still become known.
   *
   * @default 'drop'
   */
  parkOverflow?: 'drop' | 'default' | undefined;

  /**
   * Where answers of backends with `auditHeaders` are written, as lines of JSON (one {@link AuditEvent} each): `stderr`,
   * or the path of a file. A file is rotated at 16 MiB; four older ones are kept, as `<path>.1` and so on.
   */
  auditLog?: string | undefined;

  /**
   * Is told of every answer of a backend with `auditHeaders`, outside every request's context. What it throws is logged,
   * and changes nothing.
   */
  onAudit?: ((event: AuditEvent) => void) | undefined;

  /**
   * Where the metrics of the processor and its exporters go. Without it the globally registered one, if any.
   */
  meterProvider?: MeterProvider | undefined;

  /**
   * Where telemetry about the pipeline itself goes: health, queues, usage. It never has what a span carries, nor a route
   * key. Can not change while the processor runs.
   */
  monitoring?: MonitoringConfig | undefined;
}

/** What a {@link CredentialsCallback} is told. */
export interface CredentialsRequest {
  /** Name of the backend, so that one function can serve several. */
  readonly backend: string;
  /** The key that it gave last was refused: one that it keeps in a cache will be refused again. */
  readonly isRefused: boolean;
  /** Aborts when nobody waits any more: after the backend's timeout, or at its shutdown. */
  readonly signal: AbortSignal;
}

/**
 * Gives a backend's API key, without `Bearer`.
 *
 * Called outside every request's context, and for one backend not again before it has answered, or the backend's
 * timeout is over. While it throws, rejects, or gives what no header can carry there is no new key: the one it
 * gave last stays in use, and where it has given none the spans wait as in an outage.
 */
export type CredentialsCallback = (request: CredentialsRequest) => string | Promise<string>;

/** Finds the backend of a route key; `undefined` where there is none. */
export type ResolveBackend = (
  key: string,
) => BackendConfig | undefined | Promise<BackendConfig | undefined>;

/** Shows a backend a span as it may see it, or `undefined` for one that it may not see at all. */
export type SpanView = (span: ReadableSpan) => ReadableSpan | undefined;

/** One destination: its URL, credentials, protocol and limits. */
export interface BackendConfig {
  /**
   * What kind of backend it is. `otlp`: traces go to `/v1/traces` under the endpoint. `braintrust`: they go
   * to `/otel/v1/traces`, with the API key and the header `x-bt-parent`. `collector`: an OpenTelemetry Collector that
   * routes by the attribute `signalbox.route`, as `signalbox collector-config` makes one; traces go to `/v1/traces`.
   *
   * Beside a Collector the attribute can not be renamed or turned off. Where a Collector is the only backend, and there
   * are no `routes`, every valid key leads to it. As the default route a Collector's name is no key: spans of requests
   * that set none reach it without the attribute, and follow the Collector's own default route.
   *
   * @default 'otlp'
   */
  preset?: 'otlp' | 'braintrust' | 'collector' | undefined;

  /**
   * Base URL, `http` or `https`. The preset's path is appended, unless the URL ends in it already. A query
   * is kept. Either this or `tracesEndpoint` is needed, unless `exporter` has its own.
   */
  endpoint?: string | undefined;

  /** The exact URL that traces are posted to, used as it is; in place of `endpoint`. */
  tracesEndpoint?: string | undefined;

  /**
   * Headers of every request. Those that HTTP or OTLP itself sets (`host`, `content-type`, `user-agent`
   * and the like) can not be among them, nor those that `apiKey` and the preset set. Secret.
   */
  headers?: Record<string, string> | undefined;

  /** Sent as `Authorization: Bearer <key>`, under either preset. Secret. */
  apiKey?: string | undefined;

  /**
   * Path of a file that holds the API key, in place of `apiKey`; line breaks at its end are cut off. Read
   * again whenever it changes, but with the exporter `otlp-http`, which knows the first key alone.
   */
  apiKeyFile?: string | undefined;

  /**
   * Gives the API key, in place of `apiKey` and `apiKeyFile`: for keys that expire, or that a vault holds.
   * Asked before the first request, and again after a request was refused with the key it gave (401, 403).
   */
  credentials?: CredentialsCallback | undefined;

  /**
   * Longest that a batch is held that was refused (401, 403) with a key from `apiKeyFile` or `credentials`,
   * in milliseconds. It is sent again as soon as there is another key; when the time is over it is dropped as
   * `refused`. 0 holds nothing. With a key that can not change a refusal is final at once.
   *
   * 5 minutes, because Kubernetes may take two until a changed secret has reached every volume.
   *
   * @default 300_000
   */
  authGraceMs?: number | undefined;

  /**
   * Asks a Braintrust deployment, by `x-bt-enable-audit: true`, to say in the headers of its answers who was
   * authenticated, and what the request touched. See `auditLog` and `onAudit`.
   *
   * @default false
   */
  auditHeaders?: boolean | undefined;

  /**
   * What the traces belong to at Braintrust, such as `project_name:checkout`; sent as `x-bt-parent`. The
   * preset `braintrust` needs it, and only it takes it.
   */
  parent?: string | undefined;

  /**
   * Its residency class, such as `eu`: where it is, or whose spans it may have. 1 to 64 lower-case letters, digits, `-` and `_`,
   * beginning with a letter or digit. `exclusiveClasses` and `routeClasses` say which spans it may get.
   *
   * None by default: such a backend satisfies no key that requires a class.
   */
  class?: string | undefined;

  /**
   * Encoding of the bodies. `http/protobuf`, as the OTLP specification recommends; the exporter `otlp-http`
   * always sends `http/json`.
   *
   * @default 'http/protobuf'
   */
  protocol?: 'http/protobuf' | 'http/json' | undefined;

  /**
   * Compression of the bodies.
   *
   * None, as the OTLP specification has it; `gzip` costs CPU and typically saves four fifths of the bytes.
   *
   * @default 'none'
   */
  compression?: 'none' | 'gzip' | undefined;

  /**
   * Longest that one attempt may take, connection included, in milliseconds.
   *
   * @default 10_000
   */
  timeoutMs?: number | undefined;

  /**
   * Path of a PEM file with the certificate authorities to trust, in place of Node's own. Like the two below it is
   * read again whenever it changes, but with the exporter `otlp-http`.
   */
  certificate?: string | undefined;

  /** Path of a PEM file with the client's certificate (chain) for mutual TLS; needs `clientKey`. */
  clientCertificate?: string | undefined;

  /** Path of a PEM file with the private key of `clientCertificate`. */
  clientKey?: string | undefined;

  /**
   * URL of the HTTP proxy to go through, `http` or `https`; credentials may stand in its user-info. `none`
   * goes straight, whatever the proxy variables say. Secret.
   *
   * Without it, `fromEnv` follows `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`; in code there is no proxy.
   */
  proxy?: string | undefined;

  /**
   * What delivers the spans. `signalbox`: its own transport. `otlp-http`: the stock exporter of
   * `@opentelemetry/exporter-trace-otlp-http`. `console`: the SDK's `ConsoleSpanExporter`. Or any
   * `SpanExporter` of your own, for this backend alone, called one batch at a time as the OpenTelemetry
   * specification asks. Queue, limits and accounting are signalbox's in each case.
   *
   * @default 'signalbox'
   */
  exporter?: 'signalbox' | 'otlp-http' | 'console' | SpanExporter | undefined;

  /**
   * An undici `Dispatcher` that sends this backend's requests: the application's own adapter for
   * proxies, certificates or connections. It may be shared, and is never closed by signalbox. In place of
   * `proxy` and the certificate options.
   */
  dispatcher?: RequestDispatcher | undefined;

  /**
   * Most requests that may be in flight at once.
   *
   * 4, which hides the round trip of a far region; more mostly adds memory.
   *
   * @default 4
   */
  maxConcurrentExports?: number | undefined;

  /**
   * Most spans in the queue; a full queue drops the newest.
   *
   * Unbounded, because the limits in bytes hold in any case, and the 2,048 of the stock processor can not
   * cover an outage of minutes.
   */
  maxQueueSize?: number | undefined;

  /**
   * Most bytes in the queue; a full queue drops the newest.
   *
   * Unbounded but for `maxBufferedBytes`, which all backends share fairly.
   */
  maxQueueBytes?: number | undefined;

  /**
   * Most spans in one request. Lowered to `maxQueueSize` where that is less.
   *
   * @default 512
   */
  maxExportBatchSize?: number | undefined;

  /**
   * Largest request body, in bytes before compression. A batch that would pass it is closed early;
   * a single span that passes it travels alone.
   *
   * 4 MiB, because LLM prompts make spans of 100 kB and receivers commonly refuse bodies of 5 MB and more.
   *
   * @default 4_194_304
   */
  maxExportBatchBytes?: number | undefined;

  /**
   * Longest that a span waits for its batch to fill, in milliseconds. 0 sends at the event loop's next turn.
   *
   * @default 5_000
   */
  scheduleDelayMs?: number | undefined;

  /**
   * Most requests that are sent to the backend within any `rateLimitWindowMinutes`, retries and probes included; 0 for
   * no limit. While the limit holds requests back, batches grow past `maxExportBatchSize`, up to
   * `maxExportBatchBytes`, and are sent at an even pace. It holds for each process by itself, and at shutdown too.
   *
   * No limit, since a backend that is asked too often says so (429), and is then waited for.
   *
   * @default 0
   */
  rateLimitMaxRequests?: number | undefined;

  /**
   * The window of `rateLimitMaxRequests`, in minutes.
   *
   * One, as most receivers state their limits.
   *
   * @default 1
   */
  rateLimitWindowMinutes?: number | undefined;

  /**
   * Longest that a batch is retried, in milliseconds from its first attempt. 0 never retries.
   *
   * 5 minutes, which outlasts a backend's restart; the stock exporter gives up within 10 seconds.
   *
   * @default 300_000
   */
  retryMaxElapsedMs?: number | undefined;

  /**
   * Directory in which batches wait, as files, that the backend can not take now and that would otherwise be
   * dropped; they are sent when it is back, also by a later process. Several processes may share it. A path
   * that is relative starts at the directory of the process, at construction. It is made, with mode 0700, when
   * it is first needed.
   *
   * Without it nothing is written to disk: files hold span contents in plain text.
   */
  spoolDir?: string | undefined;

  /**
   * Most bytes that this process keeps in `spoolDir` for the backend, in whole blocks of 4 KiB; the oldest
   * batch gives way. What it has taken over of processes that are gone counts too.
   *
   * 512 MiB, which bridges hours for most services and is small beside a disk.
   *
   * @default 536_870_912
   */
  spoolMaxBytes?: number | undefined;

  /**
   * Longest that a batch is kept in `spoolDir`, in milliseconds since it was written.
   *
   * A day: an outage over night is bridged, and most backends take no spans that are much older.
   *
   * @default 86_400_000
   */
  spoolMaxAgeMs?: number | undefined;

  /**
   * The backend that takes over while this one is down, by its name: what waits is moved to it as bytes, before anything is
   * written to `spoolDir` or dropped, but for one batch at a time to probe this one with. What comes once this one answers
   * again is its own.
   *
   * A span goes to one of the two, unless a request with it got no answer: it may then be at both, and counts as
   * `movedUnanswered`. What was moved is not moved on, so that two may stand by for each other. Both need the same
   * protocol, preset, view and class, and no route may lead to both.
   *
   * None by default.
   */
  standby?: string | undefined;

  /**
   * Makes a root of each span whose local parent does not come to this backend, because a nested `withRoute` or
   * `withBoundary` sends the span here and leaves the parent elsewhere: without a parent, with a link to the parent's
   * ids, in the same trace. So this backend shows no span whose parent is missing.
   *
   * Where it is not known yet whether the parent will come, it counts as one that does not. A remote parent stays.
   *
   * Off by default: whoever merges the backends' traces again wants the parents as they were.
   *
   * @default false
   */
  reroot?: boolean | undefined;

  /**
   * Which spans leave. `ai`: those whose name, or one of whose attributes' names, begins with `gen_ai.`, `ai.`, `llm.`,
   * `traceloop.` or `braintrust.`, the attributes `braintrust.parent` and `braintrust.context_json` not counting; root
   * spans are no exception. So `filterAISpans` of `@braintrust/otel` 1.0 decides. What is left out counts as `filtered`.
   *
   * All, since a trace with gaps is harder to read.
   *
   * @default 'all'
   */
  filter?: 'all' | 'ai' | undefined;

  /**
   * Attributes that do not leave: names, with `*` for any run of characters; in the letters' own case. Of spans, their
   * events and links, the resource and the scope. An attribute leaves out whatever is nested in its value; names within
   * that are not looked at.
   *
   * Names of spans and events, the message of a status, and the attribute that carries the route key are no attributes of
   * the application's, and stay: `view` can change the former, `routeAttribute` leaves out the latter.
   *
   * @default []
   */
  dropAttributes?: readonly string[] | undefined;

  /**
   * Attributes of which a hash leaves in place of the value; named as in `dropAttributes`, which comes first.
   *
   * The hash is the HMAC-SHA256 under `hashKey`, in hex: of a text's UTF-8, of a number or boolean as JavaScript writes
   * it, and of bytes. An array becomes one of its elements' hashes; a map, and what is nested in an array, is hashed by
   * its OTLP encoding. Equal values have equal hashes at every backend, and in every process, with the same key.
   *
   * @default []
   */
  hashAttributes?: readonly string[] | undefined;

  /**
   * Key of `hashAttributes`: 32 bytes of UTF-8 or more, of random bytes (`openssl rand -base64 32`): who has it can test
   * guesses of values. Secret.
   */
  hashKey?: string | undefined;

  /** Path of a file that holds the key, in place of `hashKey`; line breaks at its end are cut off. Read once. */
  hashKeyFile?: string | undefined;

  /**
   * Most characters of attributes' texts, by names as in `dropAttributes`, such as `{ 'prompt*': 256 }`; where several
   * names fit, the least counts. A character is a Unicode code point, so that none is cut in two. Also of the texts within
   * arrays and maps; of bytes it is as many bytes. What is hashed is not truncated.
   *
   * @default {}
   */
  truncateAttributes?: Record<string, number> | undefined;

  /**
   * Shows the backend each span as it may see it, in code: returns the span, a changed one, or `undefined` for one that
   * does not leave and counts as `filtered`. After `filter`; what it returns is subject to the settings above.
   *
   * It is given a copy of its own, whatever it does to that changes nothing elsewhere; the resource and the scope, which
   * spans share, are frozen. It runs as the span ends, outside of the request's context and without tracing: keep it short.
   * Backends with the same function share its result, and the encoding; a backend with another function is another backend,
   * also after an update, or another answer of `resolveBackend`. Where it throws, or returns what is no span (such as a
   * promise), the span is dropped as `encode_error`, and never sent as it was.
   */
  view?: SpanView | undefined;
}
