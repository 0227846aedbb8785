import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Whether a request may see what the viewer shows. */
export type Access =
  | { readonly status: 'granted' }
  /** Came with the token in its URL: to be sent on, with a cookie, to the URL without it. */
  | { readonly status: 'exchange'; readonly cookie: string }
  | { readonly status: 'refused'; readonly httpStatus: 401 | 403 | 421; readonly message: string };

/** Decides on a request for the page or its API. */
export type AccessCheck = (request: IncomingMessage, url: URL) => Access;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine can connect to a server on `host`. */
export function isLoopback(host: string): boolean {
  const version = isIP(host);
  if (version === 0) return host === 'localhost';
  return loopback.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Creates the check of who may look.
 *
 * A page of another origin must not read spans through its visitor's browser. It can send requests here, but
 * the browser says so (`Origin`, `Sec-Fetch-Site`); and where its own name was made to resolve to this address
 * (DNS rebinding), `Host` has that name. So, without a token, only names that mean loopback are answered.
 *
 * With a token (a sink that listens beyond loopback) the name is anybody's choice, and what counts is the token:
 * in the URL once, then in a cookie that scripts can not read and other sites can not send; or as
 * `Authorization: Bearer` for programs.
 */
export function createAccessCheck(token: string | undefined): AccessCheck {
  return (request, url) => {
    if (isCrossOrigin(request)) {
      return { status: 'refused', httpStatus: 403, message: 'not for pages of other origins' };
    }
    if (token === undefined) {
      return isLoopback(hostnameOf(request.headers.host))
        ? { status: 'granted' }
        : { status: 'refused', httpStatus: 421, message: 'open it as 127.0.0.1 or localhost' };
    }
    const cookieName = `signalbox-${request.socket.localPort ?? 0}`;
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const candidates = [bearer, cookieOf(request, cookieName)];
    if (candidates.some((each) => isSame(each, token))) return { status: 'granted' };
    const given = url.searchParams.get('token') ?? undefined;
    if (isSame(given, token)) {
      const cookie = `${cookieName}=${token}; HttpOnly; SameSite=Strict; Path=/`;
      return { status: 'exchange', cookie };
    }
    const message = 'open the address with the token that the command has printed';
    return { status: 'refused', httpStatus: 401, message };
  };
}

function isCrossOrigin({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  if (origin !== undefined && origin !== `http://${host}`) return true;
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  // A link to the page may stand anywhere: it is shown to the visitor and not to the page with the link.
  return headers['sec-fetch-mode'] !== 'navigate' || headers['sec-fetch-dest'] !== 'document';
}

function hostnameOf(host = ''): string {
  try {
    return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '');
  } catch {
    // What can not be read is no name of loopback.
    return '';
  }
}

function cookieOf({ headers }: IncomingMessage, name: string): string | undefined {
  return headers.cookie
    ?.split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1);
}

/** In a time that says nothing of where they differ. */
function isSame(given: string | undefined, token: string): boolean {
  if (given === undefined) return false;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
