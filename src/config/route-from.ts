import { isToken } from './headers.js';
import type { Parsed } from './text.js';

/** Where the route key of an incoming request stands. */
export type RouteFrom =
  | { readonly part: 'header'; readonly name: string }
  | { readonly part: 'host' }
  | { readonly part: 'path'; readonly pattern: RegExp };

const choices = 'header:<name>, host, or path:<regex> with a group for the key';

/** Takes `SIGNALBOX_ROUTE_FROM` apart: `header:<name>`, `host` or `path:<regex>`. */
export function parseRouteFrom(text: string): Parsed<RouteFrom> {
  if (text === 'host') return { value: { part: 'host' } };
  const colon = text.indexOf(':');
  const rest = text.slice(colon + 1).trim();
  switch (text.slice(0, Math.max(colon, 0))) {
    case 'header':
      return isToken(rest)
        ? { value: { part: 'header', name: rest } }
        : fault('names no header', 'such as header:x-tenant');
    case 'path':
      return parsePath(rest);
    default:
      return fault('names no part of a request', choices);
  }
}

function parsePath(source: string): Parsed<RouteFrom> {
  const hint = 'such as path:^/t/([^/]+)';
  try {
    const pattern = new RegExp(source);
    // With an empty alternative it matches anything, and the match has a place for each group.
    const [, ...groups] = new RegExp(`${source}|`).exec('') ?? [];
    if (groups.length === 0) return fault('has no group for the key', hint);
    return { value: { part: 'path', pattern } };
  } catch {
    // The one thing it throws is SyntaxError.
    return fault('is not a regular expression', hint);
  }
}

function fault(what: string, hint: string): Parsed<never> {
  return { fault: { what, hint } };
}
