/** A field of a protobuf message: its number, and its value by wire type (varint, or length-delimited). */
export interface Field {
  readonly number: number;
  readonly value: bigint | Uint8Array | undefined;
}

const MAX_VARINT_BYTES = 10;

/**
 * Reads the fields of a message in their order; those of fixed size have no value here.
 *
 * @throws RangeError for what is no protobuf message, or has groups, which OTLP has not.
 */
export function readFields(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;

  function skip(size: number): number {
    if (size > message.length - at) throw new RangeError('a field is cut off');
    const start = at;
    at += size;
    return start;
  }

  function readVarint(): bigint {
    let value = 0n;
    for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
      const byte = message[skip(1)] ?? 0;
      value |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number has too many bytes');
  }

  function readValue(wireType: number): Field['value'] {
    switch (wireType) {
      case 0:
        return readVarint();
      case 2: {
        const start = skip(Number(readVarint()));
        return message.subarray(start, at);
      }
      case 1:
        skip(8);
        return undefined;
      case 5:
        skip(4);
        return undefined;
      default:
        throw new RangeError('a field has no wire type of OTLP');
    }
  }

  while (at < message.length) {
    const tag = Number(BigInt.asUintN(32, readVarint()));
    fields.push({ number: tag >>> 3, value: readValue(tag & 7) });
  }
  return fields;
}
