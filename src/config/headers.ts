import type { Fault } from './findings.js';

/**
 * Headers that HTTP's framing, OTLP or the transport set. To take them from the configuration would break the
 * requests, or send them elsewhere.
 */
const reserved: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);

/** What is wrong with a header, in words that show neither its name nor its value; `undefined` for nothing. */
export function headerFault(name: string, value: string): Fault | undefined {
  if (!isToken(name)) {
    return { what: 'is not a header name', hint: "letters, digits and !#$%&'*+-.^_`|~" };
  }
  if (reserved.has(name.toLowerCase())) {
    const what = `has ${name.toLowerCase()}, which signalbox sets itself`;
    return { what, hint: 'leave it out' };
  }
  return headerValueFault(value);
}

/** What is wrong with a header's value ("Field Values" of RFC 9110); `undefined` for nothing. */
export function headerValueFault(value: string): Fault | undefined {
  if (value.trim() === '') return { what: 'is empty', hint: 'give it a value, or leave it out' };
  return isFieldValue(value)
    ? undefined
    : {
        what: 'has characters that no header can carry',
        hint: 'printable characters of Latin-1, without line breaks',
      };
}

/** Whether a header may have this name ("Tokens" of RFC 9110). */
export function isToken(name: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name);
}

function isFieldValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}
