import type { RouteAnswer } from './request.js';

/** What resolvers read: a request of Node, Express or Fastify, or a context of Koa or Hono. */
export type RequestLike = HeadersRequest | HonoContext;

/** A request, or context, with Node's headers. */
export interface HeadersRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly url?: string | undefined;
  /** The URL as it came, where a router has cut its prefix off `url`. */
  readonly originalUrl?: string | undefined;
  /** The host as the framework understands it, by its own settings for proxies. */
  readonly hostname?: string | undefined;
}

/** The part of a context of Hono that resolvers read. */
export interface HonoContext {
  readonly req: { readonly url: string; header(name: string): string | undefined };
}

/**
 * The route key is the value of a header.
 *
 * Callers set headers as they like: use it where a gateway that you run sets the header, and removes what
 * callers have sent. A header that came several times is no valid key.
 */
export function fromHeader(name: string): (request: RequestLike) => string | undefined {
  const lowerCase = name.toLowerCase();
  return (request) => headerOf(request, lowerCase);
}

/**
 * The route key is the request's host, in lower case and without a port.
 *
 * Express, Fastify and Koa say which it is, and so heed `X-Forwarded-Host` as they are configured to. Node's
 * own server and Hono go by the `Host` header.
 *
 * @param pattern - Takes a part of the host: its first group, or else what it matches.
 */
export function fromHost(pattern?: RegExp): (request: RequestLike) => string | undefined {
  const part = pattern === undefined ? undefined : partOf(pattern);
  return (request) => {
    const host = hostOf(request)?.toLowerCase().replace(/:\d+$/, '');
    if (host === undefined || host === '') return undefined;
    return part === undefined ? host : part(host);
  };
}

/**
 * The route key is a part of the request's path, percent-decoded, as routers decode their parameters. The path
 * is that of the whole URL, also inside a router that is mounted below a prefix, and without the query.
 *
 * @param pattern - Its first group is the key, or else what it matches: `/^\/t\/([^/]+)/`.
 */
export function fromPath(pattern: RegExp): (request: RequestLike) => string | undefined {
  const part = partOf(pattern);
  return (request) => {
    const path = pathOf(isHono(request) ? request.req.url : (request.originalUrl ?? request.url));
    const found = path === undefined ? undefined : part(path);
    return found === undefined ? undefined : decode(found);
  };
}

/**
 * The route key is a claim that the application has verified. No token is ever read or decoded here: put
 * `routeRequests` after the middleware that verifies it, or verify it in `claimsOf`.
 *
 * @param name - The claim; its value has to be text or a number.
 * @param claimsOf - Where a request's claims are, or a promise of them. Where it throws or rejects, so does the
 *   resolver. By default where middleware puts them: `request.auth` or `request.auth.payload` (express-jwt,
 *   express-oauth2-jwt-bearer), `request.user` (passport, @fastify/jwt), `ctx.state.user` (koa-jwt) and the
 *   variable `jwtPayload` (hono/jwt).
 */
export function fromClaim(name: string): (request: object) => string | undefined;
export function fromClaim<Request>(
  name: string,
  claimsOf: (request: Request) => unknown,
): (request: Request) => RouteAnswer | Promise<RouteAnswer>;
export function fromClaim<Request extends object>(
  name: string,
  claimsOf: (request: Request) => unknown = usualClaims,
): (request: Request) => RouteAnswer | Promise<RouteAnswer> {
  return (request) => {
    const claims = claimsOf(request);
    return claims instanceof Promise
      ? claims.then((verified) => claimOf(verified, name))
      : claimOf(claims, name);
  };
}

function headerOf(request: RequestLike, name: string): string | undefined {
  const value = isHono(request) ? request.req.header(name) : request.headers[name];
  const text = typeof value === 'object' ? value.join(', ') : value;
  return text === '' ? undefined : text;
}

function hostOf(request: RequestLike): string | undefined {
  if (isHono(request)) return parseUrl(request.req.url)?.hostname;
  return request.hostname ?? headerOf(request, 'host') ?? headerOf(request, ':authority');
}

/** The path of a request's target, which may also be a whole URL (RFC 9112, section 3.2.2). */
function pathOf(target: string | undefined): string | undefined {
  if (target === undefined) return undefined;
  if (!target.startsWith('/')) return parseUrl(target)?.pathname;
  return /^[^?#]*/.exec(target)?.[0];
}

function parseUrl(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}

function partOf(pattern: RegExp): (text: string) => string | undefined {
  // A global or sticky pattern would go on where its last request ended.
  const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
  return (text) => {
    const match = stateless.exec(text);
    const found = match === null || match.length === 1 ? match?.[0] : match[1];
    return found === '' ? undefined : found;
  };
}

/** What can not be decoded stays as it is, and is no valid key. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function usualClaims(request: object): unknown {
  const auth = memberOf(request, 'auth');
  return (
    memberOf(auth, 'payload') ??
    auth ??
    memberOf(request, 'user') ??
    memberOf(memberOf(request, 'state'), 'user') ??
    memberOf(memberOf(request, 'var'), 'jwtPayload')
  );
}

function claimOf(claims: unknown, name: string): string | undefined {
  const value = memberOf(claims, name);
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function isHono(request: RequestLike): request is HonoContext {
  return !('headers' in request);
}
