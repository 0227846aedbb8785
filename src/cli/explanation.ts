import type { RoutingDropReason } from '../accounting/reasons.js';
import type { ConfigDescription, Origin } from '../config/describe.js';
import { maskUrl } from '../config/mask.js';
import type { Backend, DefaultRoute, Route, RouteTarget } from '../config/resolved.js';
import { isRouteKey } from '../config/route-key.js';
import { formatShare } from '../config/route-targets.js';
import { ownedAttributes } from '../encoding/span-view.js';

/** Where the spans of one route key go, and why. */
export interface Explanation {
  /** `undefined` for requests that set none. */
  readonly key: string | undefined;
  /**
   * How the key is found: a route, a backend's own name where no routes are configured, or the default route, which
   * also unknown keys may follow; or the template, for a key that no route knows; or the Collector that has the routes.
   * `unknown` leads nowhere.
   */
  readonly reason: 'route' | 'own_name' | 'template' | 'collector' | 'default' | 'unknown';
  /** The reason in a sentence. */
  readonly because: string;
  /** The residency class that the key requires, and where that is said. */
  readonly requires: { readonly class: string; readonly where: string } | undefined;
  /** What the spans are dropped as, where they go nowhere. */
  readonly dropped: RoutingDropReason | undefined;
  readonly backends: readonly ExplainedBackend[];
}

/** One backend of a route, and what of a span is its own. */
export interface ExplainedBackend {
  readonly backend: Backend;
  /** Without its query; `undefined` for an exporter that has its own. */
  readonly url: string | undefined;
  /** A shadow gets copies that may be lost; absent for any other. */
  readonly role?: 'shadow';
  /** The part of the traces that it gets; absent for all. */
  readonly share?: string;
  /** What its requests say that these spans belong to, where the backend has such a thing. */
  readonly parent?: string;
  /** What of a span the configuration owns: it writes these attributes, whatever the application has written. */
  readonly writes: Readonly<Record<string, string>>;
  /** It leaves these out: the request names the parent, or the backend may not see them. */
  readonly omits: readonly string[];
  /** Of these it writes hashes. */
  readonly hashes: readonly string[];
  /** Of these it writes so many characters at most. */
  readonly truncates: Readonly<Record<string, number>>;
  /** Which spans leave at all. */
  readonly filter: 'all' | 'ai';
}

/** Says where a key leads, as the routing table does, and why. */
export function explainKey(description: ConfigDescription, key: string | undefined): Explanation {
  const { resolved, routes, where } = description;
  const route = key === undefined ? undefined : resolved.routes.get(key);
  if (route !== undefined) {
    const origin = routes?.get(route.key);
    return routes === undefined
      ? leadTo(route, 'own_name', "a backend's own name, as no routes are configured")
      : leadTo(route, 'route', `a configured route${placeOf(origin)}`);
  }
  const unkeyed = 'requests that set no key follow the default route';
  if (key === undefined) {
    return resolved.defaultRoute === undefined
      ? leadNowhere('default', 'no default route is configured', 'no_route')
      : leadTo(resolved.defaultRoute, 'default', `${unkeyed}${originOfDefault()}`);
  }
  const made = madeFor(key);
  if (made !== undefined) {
    const because = `the template's, as no route knows it (${where(['template', 'endpoint'])})`;
    return {
      key,
      reason: 'template',
      because,
      requires: requirementOf(key),
      dropped: undefined,
      backends: [explainBackend(made, key)],
    };
  }
  const fault = keyFault(key) ?? unknownFault();
  const { collector } = resolved;
  if (collector !== undefined && keyFault(key) === undefined) {
    const because = `the Collector has the routes, as none are configured here`;
    return leadTo(
      { key, backends: [collector], targets: undefined, parent: undefined },
      'collector',
      because,
    );
  }
  return resolved.unknownRoute === 'default' && resolved.defaultRoute !== undefined
    ? leadTo(
        resolved.defaultRoute,
        'default',
        `${fault}, and unknown keys follow the default route`,
      )
    : leadNowhere('unknown', `${fault}, and unknown keys are dropped`, 'unknown_route');

  function leadTo(
    to: Route | DefaultRoute,
    reason: Explanation['reason'],
    because: string,
  ): Explanation {
    const backends = to.backends.flatMap((name, index) => {
      const backend = resolved.backends.get(name);
      if (backend === undefined) return [];
      return [explainBackend(backend, to.key, to.targets?.[index], to.parent)];
    });
    return { key, reason, because, requires: requirementOf(key), dropped: undefined, backends };
  }

  function leadNowhere(
    reason: Explanation['reason'],
    because: string,
    dropped: RoutingDropReason,
  ): Explanation {
    return { key, reason, because, requires: undefined, dropped, backends: [] };
  }

  function requirementOf(of: string | undefined): Explanation['requires'] {
    const required = of === undefined ? undefined : resolved.residency?.required.get(of);
    if (of === undefined || required === undefined) return undefined;
    return { class: required, where: where(['routeClasses', of]) };
  }

  function explainBackend(
    backend: Backend,
    routeKey: string | undefined,
    target?: RouteTarget,
    ownParent?: string,
  ): ExplainedBackend {
    const { routeAttribute } = resolved;
    const { filter = 'all', attributes } = backend.view ?? {};
    const writesKey = routeAttribute !== undefined && routeKey !== undefined;
    const owned = ownedAttributes({ routeAttribute: undefined, parent: backend.parent });
    return {
      backend,
      url: backend.url === undefined ? undefined : maskUrl(backend.url),
      ...(target?.role === 'shadow' && { role: 'shadow' as const }),
      ...(target?.share !== undefined && { share: formatShare(target.share) }),
      ...(backend.parent !== undefined && { parent: ownParent ?? backend.parent }),
      writes: writesKey ? { [routeAttribute]: routeKey } : {},
      omits: [
        ...(routeKey === undefined && routeAttribute ? [routeAttribute] : []),
        ...owned,
        ...(attributes?.drop ?? []),
      ],
      hashes: attributes?.hash?.attributes ?? [],
      truncates: attributes?.truncate ?? {},
      filter,
    };
  }

  /** The backend that the template makes for a key. What only code can give may take its time, and is not asked. */
  function madeFor(candidate: string): Backend | undefined {
    const isValid: boolean = isRouteKey(candidate);
    if (!isValid) return undefined;
    const found = resolved.dynamic?.lookUp(candidate);
    return found instanceof Promise ? undefined : found;
  }

  function unknownFault(): string {
    return resolved.dynamic === undefined
      ? 'no route knows it'
      : 'no route knows it, and the template takes lower-case DNS labels alone';
  }

  function originOfDefault(): string {
    return placeOf(description.settings.find((each) => each.key === 'defaultRoute')?.origin);
  }
}

/** Why no request can have this key; `undefined` where one can. */
function keyFault(key: string): string | undefined {
  const isValid: boolean = isRouteKey(key);
  if (isValid) return undefined;
  if (key === '') return 'it is empty, which no key is';
  if (key.length > 128) return `it has ${key.length} characters, and a key has at most 128`;
  return /^[A-Za-z0-9]/.test(key)
    ? 'it has characters other than letters, digits and . _ - : /, which no key has'
    : 'it does not begin with a letter or digit, as a key does';
}

function placeOf(origin: Origin | undefined): string {
  return origin !== undefined && 'where' in origin ? ` (${origin.where})` : '';
}
