import { type LocalTrace, registry } from './registry.js';

const HASHED_DIGITS = 8;

/**
 * The live local traces of a trace id, from the newest on: one, as a rule.
 *
 * In chains, and not in a `Map`: V8's leaves its former table behind each time that it makes room for new entries, with
 * what was in it and a link to the next table. When one of these has survived long enough to be tenured, all that come later
 * are, and every trace that was live at such a moment with its spans, as though each request lived on until the next full
 * collection.
 */
export function firstLive(traceId: string): LocalTrace | undefined {
  return find(registry().live[bucketOf(traceId)], traceId);
}

/** The next of the same trace id. */
export function nextLive({ next, traceId }: LocalTrace): LocalTrace | undefined {
  return find(next, traceId);
}

/** Adds a local trace whose first span has started, where there is room. */
export function addLive(trace: LocalTrace): void {
  const state = registry();
  if (state.indexed >= state.maxIndexed) {
    state.unindexed += 1;
    return;
  }
  state.indexed += 1;
  trace.indexed = true;
  const bucket = bucketOf(trace.traceId);
  const next = state.live[bucket];
  trace.next = next;
  if (next !== undefined) next.previous = trace;
  state.live[bucket] = trace;
}

/** Takes out a local trace whose last span has ended. */
export function removeLive(trace: LocalTrace): void {
  const state = registry();
  if (!trace.indexed) {
    state.unindexed -= 1;
    return;
  }
  state.indexed -= 1;
  trace.indexed = false;
  const { next, previous } = trace;
  if (next !== undefined) next.previous = previous;
  if (previous === undefined) state.live[bucketOf(trace.traceId)] = next;
  else previous.next = next;
  trace.next = undefined;
  trace.previous = undefined;
}

function find(from: LocalTrace | undefined, traceId: string): LocalTrace | undefined {
  for (let each = from; each !== undefined; each = each.next) {
    if (each.traceId === traceId) return each;
  }
  return undefined;
}

/** By the last digits: trace ids that follow the recommendation of Trace Context are random there, if nowhere else. */
function bucketOf(traceId: string): number {
  let hash = 0;
  for (let at = traceId.length - HASHED_DIGITS; at < traceId.length; at += 1) {
    hash = Math.imul(hash, 31) + traceId.charCodeAt(at);
  }
  return hash & (registry().live.length - 1);
}
