import { isBackendName } from './backend-name.js';
import type { BackendSource } from './backend-source.js';
import { type Findings, shownKey, type Where } from './findings.js';
import { nearest } from './nearest.js';
import type { Backend, DefaultRoute, Route } from './resolved.js';
import type { BackendConfig } from './schema.js';

/** What leads to backends. */
interface Routes {
  readonly routes: ReadonlyMap<string, Route>;
  readonly defaultRoute: DefaultRoute | undefined;
}

/**
 * Checks that every standby may take what the other one would: bytes move from the one to the other as they are, so the
 * encoding and the view have to be the same.
 *
 * @param configured - By name, also those that have problems of their own.
 */
export function checkStandbys(
  configured: Readonly<Record<string, BackendConfig | undefined>>,
  backends: ReadonlyMap<string, Backend>,
  { routes, defaultRoute }: Routes,
  where: Where,
  findings: Findings,
): void {
  for (const [name, options] of Object.entries(configured)) {
    const standby = options?.standby;
    if (standby === undefined) continue;
    const place = where(['backends', name, 'standby']);
    if (standby === name) {
      findings.problem(place, 'is the backend itself', 'another one');
      continue;
    }
    if (!Object.hasOwn(configured, standby)) {
      const near = nearest(standby, Object.keys(configured));
      const hint = near === undefined ? 'the name of a backend' : `did you mean ${near}?`;
      findings.problem(place, `names ${shownKey(standby)}, which is not a backend`, hint);
      continue;
    }
    const [one, other] = [backends.get(name), backends.get(standby)];
    const difference = one && other && differenceOf(one, other);
    if (difference !== undefined) {
      const what = `names ${standby}, which has another ${difference}`;
      findings.problem(place, what, 'the same for both, as bytes move from one to the other');
    }
    const all = [...routes.values(), ...(defaultRoute === undefined ? [] : [defaultRoute])];
    const both = all.find((route) =>
      [name, standby].every((each) => route.backends.includes(each)),
    );
    if (both !== undefined) {
      const what = `names ${standby}, to which ${shownKey(both.key ?? 'the default route')} leads as well`;
      findings.problem(place, what, 'a backend that no route has beside this one');
    }
  }
}

/** Refuses a standby of what is made for a key: no configured backend may take one tenant's spans for another's. */
export function checkNoStandby(name: string, { options, findings, at }: BackendSource): void {
  if (options.standby === undefined || isBackendName(name)) return;
  const what = 'can not be given to a backend that is made for a key';
  findings.problem(at('standby'), what, 'leave it out');
}

function differenceOf(one: Backend, other: Backend): string | undefined {
  if (one.delivery.kind !== 'signalbox' || other.delivery.kind !== 'signalbox') return 'exporter';
  if (one.protocol !== other.protocol) return 'protocol';
  if ((one.parent === undefined) !== (other.parent === undefined)) return 'preset';
  if (one.reroot !== other.reroot) return 'choice of REROOT';
  // Also where no route leads there today: what was accepted under an earlier configuration may still wait there.
  if (one.class !== other.class) return 'class';
  const [view, otherView] = [one.view, other.view];
  const isSame =
    view?.change === otherView?.change &&
    (view?.filter ?? 'all') === (otherView?.filter ?? 'all') &&
    JSON.stringify(view?.attributes) === JSON.stringify(otherView?.attributes);
  return isSame ? undefined : 'view';
}
