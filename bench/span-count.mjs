// @ts-check
// Counts the spans in a request without decoding them: the receiver has to be far cheaper than what is measured.

// Fields of the OTLP messages, by their numbers.
const RESOURCE_SPANS = 1;
const SCOPE_SPANS = 2;
const SPANS = 2;
const END_TIME_UNIX_NANO = 8;

/**
 * @param {Buffer} body an `ExportTraceServiceRequest` as protobuf
 * @param {(endTimeNs: bigint) => void} [onSpan] called with the end of each span, which costs more
 * @returns {number} how many spans are in it
 */
export function countProtobufSpans(body, onSpan) {
  let spans = 0;
  eachField(body, 0, body.length, RESOURCE_SPANS, (from, to) => {
    eachField(body, from, to, SCOPE_SPANS, (scopeFrom, scopeTo) => {
      eachField(body, scopeFrom, scopeTo, SPANS, (spanFrom, spanTo) => {
        spans += 1;
        if (onSpan === undefined) return;
        eachField(body, spanFrom, spanTo, END_TIME_UNIX_NANO, (at) => {
          onSpan(body.readBigUInt64LE(at));
        });
      });
    });
  });
  return spans;
}

/**
 * @param {Buffer} body an `ExportTraceServiceRequest` as JSON, of spans without links: links have span ids too
 * @returns {number} how many spans are in it
 */
export function countJsonSpans(body) {
  const needle = Buffer.from('"spanId"');
  let spans = 0;
  for (let at = body.indexOf(needle); at >= 0; at = body.indexOf(needle, at + needle.length)) {
    spans += 1;
  }
  return spans;
}

/**
 * Visits the fields of one number in the message that lies between `from` and `to`.
 *
 * @param {Buffer} body
 * @param {number} from
 * @param {number} to
 * @param {number} number
 * @param {(from: number, to: number) => void} visit is given where the field's content begins and ends
 */
function eachField(body, from, to, number, visit) {
  let at = from;

  function readVarint() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = body[at];
      if (byte === undefined) throw new Error('a request that is cut off');
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  function sizeOf(/** @type {number} */ wireType) {
    if (wireType === 2) return readVarint();
    if (wireType === 1) return 8;
    if (wireType === 5) return 4;
    throw new Error(`a field of wire type ${wireType}`);
  }

  while (at < to) {
    const tag = readVarint();
    const wireType = tag & 7;
    if (wireType === 0) {
      readVarint();
      continue;
    }
    const size = sizeOf(wireType);
    const start = at;
    at += size;
    if (tag >>> 3 === number) visit(start, at);
  }
}
