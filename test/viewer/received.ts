import { decodeRequest } from '../../src/receiver/decode.js';
import type { ReceivedRequest } from '../../src/receiver/received.js';
import { otlpJson, type WrittenSpan } from './otlp.js';

/** What a receiver makes of a request with these spans. */
export function received(backend: string, spans: readonly WrittenSpan[]): ReceivedRequest {
  const body = Buffer.from(otlpJson(spans));
  const decoded = decodeRequest('application/json', body);
  if (decoded instanceof Error) throw decoded;
  return {
    backend,
    path: `/${backend}/v1/traces`,
    headers: { 'content-type': 'application/json', host: '127.0.0.1:4318' },
    wireBytes: body.length,
    body,
    spans: decoded,
  };
}
