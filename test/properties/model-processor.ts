import type { Decision, ModelSpan } from './model.js';

/** What of a configuration routing depends on. */
export interface RoutingSetup {
  readonly backends: readonly string[];
  /** Without it each backend's own name is its key. */
  readonly routes: Readonly<Record<string, readonly string[]>> | undefined;
  /** A key, or a backend's name. */
  readonly defaultRoute: string | undefined;
  readonly unknownRoute: 'drop' | 'default';
  readonly parkMaxSpans: number;
  readonly parkOverflow: 'drop' | 'default';
}

/** A copy of a span that must arrive at a backend, and the key that it must bear there. */
export interface ExpectedCopy {
  readonly span: ModelSpan;
  readonly key: string;
}

/** What `stats()` must say before the backends, with zeros left out of `dropped`. */
export interface ExpectedStats {
  readonly ended: number;
  readonly routed: number;
  readonly targets: number;
  readonly filtered: number;
  readonly parked: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly decisions: Readonly<Record<string, number>>;
}

/** One processor, by the contract: what it parks, drops and hands over, and what it counts. */
export interface ModelProcessor {
  start(decision: Decision): void;
  end(span: ModelSpan): void;
  /** The first key has come; returns whether this processor knows it. */
  decide(decision: Decision): boolean;
  conflict(): void;
  settle(decision: Decision): void;
  noRequest(): void;
  shutdown(): void;
  stats(): ExpectedStats;
  /** Everything handed over so far, by backend, in order. */
  copies(backend: string): readonly ExpectedCopy[];
  /** Whether, with this span, several decisions would hold the most: the contract says not which gives way. */
  hasTie(span: ModelSpan): boolean;
}

/** Creates the model of one processor. */
export function createModelProcessor(setup: RoutingSetup): ModelProcessor {
  const routes = new Map(
    Object.entries(
      setup.routes ?? Object.fromEntries(setup.backends.map((name) => [name, [name]])),
    ),
  );
  const fallback = defaultOf(setup, routes);
  const isUniform =
    fallback !== undefined && leadToTheSame([...routes.values(), fallback.backends]);
  const delivered = new Map<string, ExpectedCopy[]>(setup.backends.map((name) => [name, []]));
  const counts = { ended: 0, routed: 0, targets: 0, filtered: 0 };
  const dropped: Record<string, number> = {};
  const decisions = {
    decided: 0,
    settled: 0,
    late: 0,
    unknown: 0,
    conflict: 0,
    noRequest: 0,
    unresolved: 0,
    failed: 0,
    refused: 0,
  };
  /** Settled for this processor alone, where parking is off or was full. */
  const settledEarly = new Set<Decision>();
  let parked: ModelSpan[] = [];
  let isShutDown = false;

  function drop(reason: string): void {
    dropped[reason] = (dropped[reason] ?? 0) + 1;
  }

  function send(span: ModelSpan, key: string, backends: readonly string[]): void {
    counts.routed += 1;
    counts.targets += backends.length;
    for (const backend of backends) delivered.get(backend)?.push({ span, key });
  }

  function sendByDefault(span: ModelSpan, reason: string): void {
    if (fallback === undefined) drop(reason);
    else send(span, fallback.key, fallback.backends);
  }

  function sendKeyed(span: ModelSpan, key: unknown): void {
    const backends = typeof key === 'string' ? routes.get(key) : undefined;
    if (backends !== undefined) send(span, String(key), backends);
    else if (setup.unknownRoute === 'drop') drop('unknown_route');
    else sendByDefault(span, 'no_route');
  }

  function sendUnkeyed(span: ModelSpan): void {
    const around = span.decision.path.slice(0, -1);
    const mayBeTheirs = around.some(({ key, isUnknowable }) => key !== undefined || isUnknowable);
    if (mayBeTheirs && !isUniform) drop('ambiguous');
    else sendByDefault(span, 'no_route');
  }

  function unpark(decision: Decision, leave: (span: ModelSpan) => void): void {
    const leaving = parked.filter((span) => span.decision === decision);
    parked = parked.filter((span) => span.decision !== decision);
    leaving.forEach(leave);
  }

  function settleEarly(decision: Decision): void {
    settledEarly.add(decision);
    decisions.settled += 1;
    unpark(decision, sendUnkeyed);
  }

  function isParkedHere({ decision }: ModelSpan): boolean {
    return (
      !isShutDown &&
      !isUniform &&
      setup.parkMaxSpans > 0 &&
      !decision.isUnknowable &&
      decision.key === undefined &&
      !decision.settled &&
      !settledEarly.has(decision)
    );
  }

  function park(span: ModelSpan): void {
    parked.push(span);
    if (parked.length <= setup.parkMaxSpans) return;
    const [largest] = largestHolders(parked);
    if (largest === undefined) return;
    if (setup.parkOverflow === 'default') {
      settleEarly(largest);
    } else {
      const newest = parked.findLast(({ decision }) => decision === largest);
      parked = parked.filter((each) => each !== newest);
      drop('park_limit');
    }
  }

  return {
    start(decision) {
      const isOpen = decision.key === undefined && !decision.settled && !decision.isUnknowable;
      if (setup.parkMaxSpans > 0 || isShutDown || !isOpen || settledEarly.has(decision)) return;
      settleEarly(decision);
    },
    end(span) {
      if (!span.sampled) return;
      counts.ended += 1;
      const { decision } = span;
      if (isShutDown) drop('already_shutdown');
      else if (decision.isUnknowable) drop('ambiguous');
      else if (decision.key !== undefined) sendKeyed(span, decision.key.given);
      else if (isParkedHere(span)) park(span);
      else sendUnkeyed(span);
    },
    decide(decision) {
      if (isShutDown) return false;
      const key = decision.key?.given;
      const isKnown = typeof key === 'string' && routes.has(key);
      const isLate = decision.settled || settledEarly.has(decision);
      decisions[isKnown ? (isLate ? 'late' : 'decided') : 'unknown'] += 1;
      unpark(decision, (span) => sendKeyed(span, key));
      return isKnown;
    },
    conflict() {
      if (!isShutDown) decisions.conflict += 1;
    },
    settle(decision) {
      if (isShutDown || settledEarly.has(decision)) return;
      decisions.settled += 1;
      unpark(decision, sendUnkeyed);
    },
    noRequest() {
      if (!isShutDown) decisions.noRequest += 1;
    },
    shutdown() {
      isShutDown = true;
      for (const decision of new Set(parked.map((span) => span.decision))) {
        if (setup.parkOverflow === 'default') settleEarly(decision);
        else unpark(decision, () => drop('park_limit'));
      }
    },
    stats: () => ({
      ...counts,
      parked: parked.length,
      dropped: { ...dropped },
      decisions: { ...decisions },
    }),
    copies: (backend) => delivered.get(backend) ?? [],
    hasTie(span) {
      if (!span.sampled || !isParkedHere(span)) return false;
      const after = [...parked, span];
      return after.length > setup.parkMaxSpans && largestHolders(after).length > 1;
    },
  };
}

function defaultOf(
  { defaultRoute }: RoutingSetup,
  routes: ReadonlyMap<string, readonly string[]>,
): { key: string; backends: readonly string[] } | undefined {
  if (defaultRoute === undefined) return undefined;
  return { key: defaultRoute, backends: routes.get(defaultRoute) ?? [defaultRoute] };
}

function leadToTheSame(routes: readonly (readonly string[])[]): boolean {
  const sets = routes.map((backends) => [...backends].sort().join());
  return new Set(sets).size === 1;
}

function largestHolders(parked: readonly ModelSpan[]): Decision[] {
  const held = new Map<Decision, number>();
  for (const { decision } of parked) held.set(decision, (held.get(decision) ?? 0) + 1);
  const most = Math.max(...held.values());
  return [...held.keys()].filter((decision) => held.get(decision) === most);
}
