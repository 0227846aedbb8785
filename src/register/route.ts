import { fromHeader, fromHost, fromPath, type HeadersRequest } from '../boundary/resolvers.js';
import type { RouteFrom } from '../config/route-from.js';

/** The resolver that `SIGNALBOX_ROUTE_FROM` asks for. */
export function resolverFrom(from: RouteFrom): (request: HeadersRequest) => string | undefined {
  switch (from.part) {
    case 'header':
      return fromHeader(from.name);
    case 'host':
      return fromHost();
    case 'path':
      return fromPath(from.pattern);
  }
}
