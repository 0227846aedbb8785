import type { Backend } from '../config/resolved.js';
import type { BackendKey } from '../config/schema.js';
import type { FailedSend } from '../exporter/observed.js';

/** Why a probe failed, in words for who set the backend up, and what to do about it. */
export interface Diagnosis {
  readonly cause: string;
  readonly hint: string;
}

/** What a failure is read against. */
export interface DiagnosisContext {
  readonly backend: Pick<Backend, 'url' | 'proxy' | 'protocol' | 'timeoutMs'>;
  /** Where a setting of the backend stands, or would. */
  readonly at: (key: BackendKey) => string;
}

/** Finds the plain cause of a failure. What is not known is told in the failure's own words. */
export function diagnose(failed: FailedSend, context: DiagnosisContext): Diagnosis {
  const failure = { ...failed, message: withoutTrace(failed.message) };
  const { httpStatus, errorType, outcome, message } = failure;
  if (outcome === 'rejected') {
    return {
      cause: `the backend took the request, and not the span (${message})`,
      hint: "look into the backend's own limits and logs",
    };
  }
  if (httpStatus !== undefined) return diagnoseStatus(httpStatus, message, context);
  return (
    diagnoseCertificate(failure, context) ??
    diagnoseConnection(errorType, message, context) ?? {
      cause: message,
      hint: `check ${placeOfUrl(context)} and the network on the way`,
    }
  );
}

function diagnoseStatus(status: number, message: string, context: DiagnosisContext): Diagnosis {
  const { at, backend } = context;
  const url = placeOfUrl(context);
  if (status >= 300 && status < 400) {
    return { cause: message, hint: `give the URL that it redirects to in ${url}` };
  }
  switch (status) {
    case 400:
    case 415: {
      const other = backend.protocol === 'http/json' ? 'http/protobuf' : 'http/json';
      return {
        cause: `the backend does not understand the request (HTTP ${status})`,
        hint: `try ${at('protocol')}=${other}, and see that ${url} is an OTLP endpoint for HTTP`,
      };
    }
    case 401:
    case 403:
      return {
        cause: `the backend refuses the key (HTTP ${status})`,
        hint: `check ${at('apiKey')} and ${at('headers')}, and what the key may do`,
      };
    case 404:
    case 405:
      return {
        cause: `the backend takes no traces at this path (HTTP ${status})`,
        hint: `check the path in ${url}: ENDPOINT is a base URL, TRACES_ENDPOINT the whole one`,
      };
    case 407:
      return { cause: 'a proxy asks for credentials (HTTP 407)', hint: `check ${at('proxy')}` };
    case 413:
      return {
        cause: 'the backend finds a single small span too large (HTTP 413)',
        hint: `check the limits of the backend, and that ${url} is right`,
      };
    case 429:
      return {
        cause: 'the backend has had too many requests (HTTP 429)',
        hint: 'wait, or have its limit raised; a service would try again',
      };
    default:
      return {
        cause:
          status >= 500
            ? `the backend, or what stands before it, fails (HTTP ${status})`
            : `the backend refuses the request (HTTP ${status})`,
        hint: "look into the backend's own logs",
      };
  }
}

function diagnoseCertificate(
  { errorType, message }: FailedSend,
  { at }: DiagnosisContext,
): Diagnosis | undefined {
  if (
    /\balert\b/i.test(message) &&
    /certificate|unknown ca|access denied|handshake/i.test(message)
  ) {
    return {
      cause: `the backend refuses our certificate, or asks for one (${message})`,
      hint: `check ${at('clientCertificate')} and ${at('clientKey')}`,
    };
  }
  switch (errorType) {
    case 'CERT_HAS_EXPIRED':
      return { cause: "the backend's certificate has expired", hint: 'have it renewed there' };
    case 'CERT_NOT_YET_VALID':
      return {
        cause: "the backend's certificate is not valid yet",
        hint: 'check the clock of this machine',
      };
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        cause: "the backend's certificate is for another host",
        hint: `check the host in ${at('endpoint')}, or have the certificate made for it`,
      };
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return {
        cause: "the backend's certificate is of an authority that is not trusted here",
        hint: `name the authority's PEM file in ${at('certificate')}`,
      };
    default:
      return undefined;
  }
}

function diagnoseConnection(
  errorType: string,
  message: string,
  context: DiagnosisContext,
): Diagnosis | undefined {
  const { at, backend } = context;
  // Behind a proxy nothing else is looked up, or connected to, from here.
  const [host, url] = backend.proxy
    ? ['the proxy', at('proxy')]
    : ['the host', placeOfUrl(context)];
  if (/^proxy/.test(errorType)) return { cause: message, hint: `check ${at('proxy')}` };
  if (/^HPE_|^HTTPParserError$/.test(errorType)) {
    return {
      cause: 'what answers there speaks no HTTP/1.1',
      hint: `check the port in ${url}: 4317 is commonly gRPC, 4318 is HTTP`,
    };
  }
  if (isNoTls(errorType, message)) {
    return {
      cause: 'what answers there speaks no TLS; plain HTTP, most likely',
      hint: `check the port in ${url}, or make it http://`,
    };
  }
  switch (errorType) {
    case 'ECONNREFUSED':
      return {
        cause: `nothing listens there (${message})`,
        hint: `start what should, or check the host and port in ${url}`,
      };
    case 'not_allowed':
      return {
        cause: message,
        hint: `list the host and, if it is private, its address in SIGNALBOX_ALLOWED_HOSTS; or check the host in ${url}`,
      };
    case 'ENOTFOUND':
      return { cause: `${host} has no address in DNS`, hint: `check the host in ${url}` };
    case 'EAI_AGAIN':
      return {
        cause: 'the name server does not answer',
        hint: `check DNS on this machine, and the host in ${url}`,
      };
    case 'timeout':
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return {
        cause: `no answer within ${backend.timeoutMs} ms`,
        hint: `check firewalls and proxies on the way, or raise ${at('timeoutMs')}`,
      };
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return {
        cause: `no way leads there (${message})`,
        hint: `check the network of this machine, and the host in ${url}`,
      };
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return {
        cause: `the connection was closed without an answer (${message})`,
        hint: backend.url?.startsWith('http:')
          ? `it may want TLS: try https:// in ${url}`
          : `check what listens at the port in ${url}`,
      };
    default:
      return undefined;
  }
}

/**
 * A message in which an error of OpenSSL is its reason alone: `ssl3_read_bytes` and the line of a C file help nobody.
 * OpenSSL writes `<thread>:error:<code>:<library>:<function>:<reason>:<file>:<line>:<data>`.
 */
function withoutTrace(message: string): string {
  return message
    .replace(/\b[0-9A-F]+:error:[0-9A-F]+:[^:\n]*:[^:\n]*:([^:\n]+):[^\n]*/gi, '$1')
    .trim();
}

/** OpenSSL's words for bytes that begin no TLS record. */
function isNoTls(errorType: string, message: string): boolean {
  return /wrong version number|packet length too long|unknown protocol|http request/i.test(
    `${errorType.replaceAll('_', ' ')} ${message}`,
  );
}

function placeOfUrl({ at }: DiagnosisContext): string {
  return at('endpoint');
}
