import type { MediaType } from './decode.js';

/** The encoding that a `Content-Type` names, or `undefined` where it is none of OTLP/HTTP. */
export function mediaTypeOf(contentType: string | undefined): MediaType | undefined {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  return type === 'application/json' || type === 'application/x-protobuf' ? type : undefined;
}
