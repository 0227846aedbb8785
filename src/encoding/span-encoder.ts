import type { Backend } from '../config/resolved.js';
import type { RequestBody } from '../transport/body.js';
import { createAttributeRules, type FindRule } from './attribute-rules.js';
import type { Chunks, Message, Write } from './chunks.js';
import { createBody, type EncodedRun, groupSpans, type SpanGroups } from './envelope.js';
import { createJsonSpanWriter } from './json.js';
import { createJsonEnvelope } from './json-envelope.js';
import { createSpanWriter } from './protobuf.js';
import { createProtobufEnvelope } from './protobuf-envelope.js';
import type { RoutedSpan } from './routed-span.js';
import type { SpanViewOptions } from './span-view.js';
import { createWeakValues } from './weak-values.js';

/**
 * Turns spans into bytes as they end, and these into request bodies.
 *
 * It holds caches and nothing of any backend's: one encoder serves all backends of the same protocol and the
 * same view of the spans, and what it writes into the chunks of one can be copied into those of another.
 */
export interface SpanEncoder {
  /** The `Content-Type` of the bodies. */
  readonly contentType: string;
  /**
   * Writes one span, as it is now; nothing of it is needed later but its resource and scope.
   *
   * @param maxSize - Largest span, in bytes, that memory of its own is made for. At most, and by default, 64 MiB.
   * @returns where it is, or, with the chunks as they were, why it can not be encoded: the application's own
   *   code threw when it was read, an id in it is malformed, an attribute nests too deep or in a circle, or
   *   it is a `MessageTooLarge`.
   */
  encode(routed: RoutedSpan, chunks: Chunks, maxSize?: number): Message | Error;
  /** Whether it never writes attributes of a name: none of them has to be kept for it. */
  readonly omits?: ((name: string) => boolean) | undefined;
  /**
   * Makes one `ExportTraceServiceRequest` of spans that this encoder, or one of the same protocol, has
   * written, at least one; their order is kept within a resource and scope.
   *
   * Pending attributes of the resources should have been awaited. The spans' bytes are not copied, but for
   * short runs of them, so none may be released before the request is over.
   *
   * @returns the body, or why a resource or scope can not be encoded.
   */
  createBody(runs: readonly EncodedRun[]): RequestBody | Error;
}

/** What of a backend's configuration decides how its spans are encoded. */
export interface SpanEncoderOptions extends SpanViewOptions {
  readonly protocol: Backend['protocol'];
}

interface Format {
  readonly contentType: string;
  readonly writeSpan: Write<RoutedSpan>;
  readonly envelop: (groups: SpanGroups) => Uint8Array[];
}

type CreateFormat = (options: SpanViewOptions, findRule: FindRule) => Format;

const formats: Record<Backend['protocol'], CreateFormat> = {
  'http/protobuf': (options, findRule) => ({
    contentType: 'application/x-protobuf',
    writeSpan: createSpanWriter(options, findRule),
    envelop: createProtobufEnvelope(findRule),
  }),
  'http/json': (options, findRule) => ({
    contentType: 'application/json',
    writeSpan: createJsonSpanWriter(options, findRule),
    envelop: createJsonEnvelope(findRule),
  }),
};

/** Creates an encoder, with empty caches. */
export function createSpanEncoder(options: SpanEncoderOptions): SpanEncoder {
  const findRule = createAttributeRules(options.attributes);
  const { contentType, writeSpan, envelop } = formats[options.protocol](options, findRule);
  return {
    contentType,
    omits: options.attributes && ((name) => findRule(name) === 'omit'),
    encode(routed, chunks, maxSize) {
      try {
        // What it is sent under has to be there too: it is asked for once more when the span is queued.
        const { resource, instrumentationScope } = routed.span;
        if (!isObject(resource) || !isObject(instrumentationScope)) {
          return new TypeError('a span has no resource, or no scope');
        }
        return chunks.write(writeSpan, routed, maxSize);
      } catch (error) {
        return asError(error);
      }
    },
    createBody(runs) {
      try {
        return createBody(envelop(groupSpans(runs)));
      } catch (error) {
        return asError(error);
      }
    },
  };
}

/** What of a backend tells its encoder from others. */
export type EncodedBackend = Pick<Backend, 'protocol' | 'parent'> & {
  readonly view?: Backend['view'];
};

/**
 * Creates the function that finds a backend's encoder. Backends of the same protocol and the same view of the
 * spans have one between them, so that a span that goes to several is encoded once.
 *
 * Views are the same by the content of their settings, and by the identity of their functions.
 */
export function createSpanEncoders(
  routeAttribute: string | undefined,
): (backend: EncodedBackend) => SpanEncoder {
  const encoders = new Map<string, SpanEncoder>();
  // Not kept for ever: views may come and go with updates, and with the keys that backends are made for.
  const ofViews = createWeakValues<SpanEncoder>();
  const identify = createIdentities();
  return ({ protocol, parent, view }) => {
    // That there is a parent decides what of a span is written; which one it is stands in the request's head.
    const id = `${protocol} ${parent === undefined}`;
    if (view?.attributes !== undefined || view?.change !== undefined) {
      const { attributes, change } = view;
      // Each function's spans are others, and what has been encoded of a span is found by its encoder.
      const ofView = `${id} ${identify(change)} ${JSON.stringify(attributes)}`;
      return ofViews(ofView, () =>
        createSpanEncoder({ protocol, routeAttribute, parent, attributes }),
      );
    }
    let encoder = encoders.get(id);
    if (encoder === undefined) {
      encoder = createSpanEncoder({ protocol, routeAttribute, parent });
      encoders.set(id, encoder);
    }
    return encoder;
  };
}

/** Numbers functions: 0 is for none. */
function createIdentities(): (subject: object | undefined) => number {
  const numbers = new WeakMap<object, number>();
  let last = 0;
  return (subject) => {
    if (subject === undefined) return 0;
    const known = numbers.get(subject);
    if (known !== undefined) return known;
    last += 1;
    numbers.set(subject, last);
    return last;
  };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** Whatever was thrown as a span was read, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('a span can not be read', { cause: thrown });
}
