import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import type { AuditResource } from '../config/audit-event.js';

/** A few hundred thousand resources; a header that inflates to more was made to. */
const MAX_BYTES = 4 * 1024 * 1024;

const resourceList = z.array(
  z.object({ type: z.string(), id: z.string(), name: z.string() }).readonly(),
);

/**
 * Decodes the header `x-bt-audit-resources`, with which a Braintrust backend tells what a request has touched: a JSON
 * list of `{ type, id, name }`, compressed with gzip, as base64. Other members are left out.
 *
 * @param header - The header's value. Inflates to 4 MiB at the most.
 * @throws Error that says what is wrong with the header, and shows nothing of it.
 */
export function parseAuditResources(header: string): AuditResource[] {
  const { success, data } = resourceList.safeParse(parseJson(inflate(decodeBase64(header.trim()))));
  if (!success) throw fault('is no list of resources with type, id and name');
  return data;
}

function decodeBase64(text: string): Buffer {
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0;
  if (!isBase64) throw fault('is not base64');
  return Buffer.from(text, 'base64');
}

function inflate(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BYTES });
  } catch (cause) {
    const isTooLarge =
      cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    throw fault(isTooLarge ? `inflates to over ${MAX_BYTES} bytes` : 'is not gzip', cause);
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // Without the cause, whose message quotes what it could not read.
    throw fault('is no JSON');
  }
}

function fault(what: string, cause?: unknown): Error {
  return new Error(`signalbox: x-bt-audit-resources ${what}`, { cause });
}
