import {
  type Context,
  isSpanContextValid,
  type Span,
  SpanKind,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from '@opentelemetry/api';
import { warnOnce } from '../accounting/warn-once.js';
import { createHostList, type IsAllowedHost } from '../config/host-list.js';
import {
  propagationFromEnv,
  type RoutePropagatorOptions,
  resolvePropagation,
} from '../config/propagation.js';
import { bindingOf, decisionInForce } from '../routing/binding.js';
import { wireKeyOf } from '../routing/decision.js';
import { type RefusalCause, registry, WIRE_KEY, type WireClaim } from '../routing/registry.js';
import { createKeySigner, type KeySigner } from './signed-key.js';

export type { RoutePropagatorOptions } from '../config/propagation.js';

const HEADER = 'x-signalbox-route';

/**
 * Carries route keys between services, signed, in the one header `x-signalbox-route`.
 *
 * A key that comes in is a name that another holder of the secret has given to this one trace. It applies only
 * where nothing here names a key, and leads only where this service's own table says; nothing else is read
 * from the wire. Neither method throws.
 *
 * List it after the propagator that extracts the trace, which is what a key belongs to:
 *
 * ```ts
 * provider.register({
 *   propagator: new CompositePropagator({
 *     propagators: [new W3CTraceContextPropagator(), RoutePropagator.fromEnv()],
 *   }),
 * });
 * ```
 */
export class RoutePropagator implements TextMapPropagator {
  readonly #signer: KeySigner;
  readonly #isAllowedHost: IsAllowedHost;

  /**
   * Reads `options` once. No variable is read.
   *
   * @throws {@link ConfigError} naming every problem at once.
   */
  constructor(options: RoutePropagatorOptions);
  /** @internal */
  constructor(options: RoutePropagatorOptions, epochMs?: () => number);
  constructor(options: RoutePropagatorOptions, epochMs: () => number = Date.now) {
    const { hosts, ...secrets } = resolvePropagation(options);
    this.#signer = createKeySigner({ ...secrets, epochMs });
    this.#isAllowedHost = createHostList(hosts);
  }

  /**
   * The propagator that `SIGNALBOX_PROPAGATION_SECRET`, `SIGNALBOX_PROPAGATION_SECRET_PREVIOUS` and
   * `SIGNALBOX_PROPAGATION_HOSTS` describe.
   *
   * @param env - Read once, here; `process.env` by default.
   * @throws {@link ConfigError} naming every problem at once, a missing secret among them.
   */
  static fromEnv(env?: NodeJS.ProcessEnv): RoutePropagator {
    return new RoutePropagator(propagationFromEnv(env));
  }

  /**
   * Writes the header where the active span is a recorded client span, its `server.address` is among the hosts,
   * and its decision has a key: one that was decided here, or, while none was, the one that came with this
   * very trace, signed afresh. Writes nothing wherever one of these is not known.
   */
  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    try {
      const span = trace.getSpan(context);
      if (span === undefined || !isSpanContextValid(span.spanContext())) return;
      const server = serverOf(span);
      if (server === undefined || !this.#isAllowedHost(server)) return;
      const key = keyOf(span, context);
      if (key === undefined) return;
      setter.set(carrier, HEADER, this.#signer.sign(key, span.spanContext().traceId));
    } catch {
      // Somebody else's setter or span threw: the application's request goes out all the same, without a key.
    }
  }

  /**
   * Takes a key in where it is genuine, for this trace, and not over. Any other decides nothing, and is
   * counted as `decisions.refused`.
   *
   * @returns `context`, with what the caller says of the key of its trace.
   */
  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    // What an outer extraction has found was said by another caller.
    const unclaimed = context.deleteValue(WIRE_KEY);
    const header = readHeader(carrier, getter);
    if (header === undefined) return unclaimed;
    const traceId = remoteTraceId(context);
    if (traceId === undefined) {
      warnOnce(
        'no_trace',
        `A request came with the header ${HEADER} and no remote trace. Where all do, list RoutePropagator after W3CTraceContextPropagator.`,
      );
      countRefusal('no_trace', undefined);
      return unclaimed;
    }
    const verification = this.#signer.verify(header, traceId);
    if ('refused' in verification) {
      countRefusal(verification.refused, traceId);
      return unclaimed;
    }
    const claim: WireClaim = { traceId, key: verification.key, isDisputed: false };
    return unclaimed.setValue(WIRE_KEY, claim);
  }

  /** The one header. */
  fields(): string[] {
    return [HEADER];
  }
}

/** What the carrier has under the header's name; `undefined` where it has nothing. */
function readHeader(carrier: unknown, getter: TextMapGetter): unknown {
  try {
    const header: unknown = getter.get(carrier, HEADER);
    return header === null || (Array.isArray(header) && header.length === 0) ? undefined : header;
  } catch {
    // Somebody else's getter threw: a carrier that can not be read has no key.
    return undefined;
  }
}

function remoteTraceId(context: Context): string | undefined {
  const parent = trace.getSpanContext(context);
  return parent?.isRemote === true && isSpanContextValid(parent) ? parent.traceId : undefined;
}

function countRefusal(cause: RefusalCause, traceId: string | undefined): void {
  for (const listener of registry().listeners) listener.onRefused(cause, traceId);
}

/**
 * The address of the server that a client span's request goes to, where the span is an SDK's, which shows more
 * than the API does. A server span has the attribute too, and it names this service itself.
 */
function serverOf(span: Span): string | undefined {
  if (Reflect.get(span, 'kind') !== SpanKind.CLIENT) return undefined;
  const attributes: unknown = Reflect.get(span, 'attributes');
  if (typeof attributes !== 'object' || attributes === null) return undefined;
  // Before version 1.21 of the semantic conventions it was `net.peer.name`.
  const address: unknown =
    Reflect.get(attributes, 'server.address') ?? Reflect.get(attributes, 'net.peer.name');
  return typeof address === 'string' ? address : undefined;
}

/** The key that other services may be told for this span. */
function keyOf(span: Span, context: Context): string | undefined {
  const bound = bindingOf(span.spanContext());
  const decision = bound === undefined ? decisionInForce(context) : bound.decision;
  if (decision === undefined || decision.ambiguous) return undefined;
  if (decision.decided) return decision.key;
  // A key from the wire is good for the trace that it came with, and no other.
  const isOfTrace = decision.wire?.traceId === span.spanContext().traceId;
  return isOfTrace ? wireKeyOf(decision) : undefined;
}
