// @ts-check
// One measured run over the wire, in a process of its own: makes spans, has them delivered, tells what it cost.
//
//   node --expose-gc load.mjs '{ "subject": "peer", ... }'

import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { keysOf, sentByRoutes } from './routes.mjs';
import { backendName, FAN_OUT_KEY } from './subjects/subject.mjs';
import {
  AI_SPANS_PER_TRACE,
  createRandom,
  createTraceMaker,
  SPANS_PER_TRACE,
} from './workload.mjs';

/**
 * What is to be run.
 *
 * @typedef {object} LoadOptions
 * @property {'creation' | 'peer' | 'signalbox'} subject
 * @property {number} spans
 * @property {number} warmUpSpans made and delivered before anything is measured
 * @property {number} [active] how many of the backends get spans; all by default
 * @property {import('./workload.mjs').Shape} [shape] `request` by default
 * @property {boolean} [nested] whether each trace's root goes to the first backend, and all else to the second, by a nested key
 * @property {'busy' | 'held' | number} [pace] `busy` (the default): as fast as it can, with a turn of the event
 *   loop after each 128 spans; `held`: all in one turn, so that they are queued when the flush begins; or
 *   so many spans a second
 * @property {readonly string[]} [hanging] backends that never answer: the flush is over when the others have all of theirs
 */

/** @typedef {LoadOptions & import('./subjects/subject.mjs').Setup} LoadSpec */

/**
 * @typedef {object} LoadResult
 * @property {number} spans
 * @property {Record<string, number>} sent by backend, the warm-up included
 * @property {number} cpuMs user and system, of all threads
 * @property {number} wallMs from the first span to the end of the flush
 * @property {number} eventLoopDelayP99Ms as `monitorEventLoopDelay` tells it: its interval of 1 ms is part of it
 * @property {number} flushStallMs longest that the event loop was held up during the flush
 * @property {number} peakRssMb of the whole process, from its start
 * @property {import('signalbox').RoutingStats} [stats] of signalbox
 */

const TRACES_PER_TURN = 16;
/** How long the peer, which does not tell what is still under way, is given beside a backend that hangs. */
const PEER_WAIT_MS = 2_000;

/** @type {LoadSpec} */
const spec = JSON.parse(process.argv[2] ?? '');
/** @type {{ createSubject: (setup: LoadSpec) => import('./subjects/subject.mjs').Subject }} */
const { createSubject } = await import(`./subjects/${spec.subject}.mjs`);

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const subject = createSubject(spec);
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'bench', 'service.version': '1.0.0' }),
  spanProcessors: subject.spanProcessors,
});
const makeTrace = createTraceMaker(provider.getTracer('bench', '1.0.0'), spec.shape ?? 'request');
const keys = keysOf(spec);
/** @type {Map<string, number>} */
const made = new Map(keys.map((key) => [key, 0]));
// Not in turn: queues that all fill at the same moment are the peer's worst case, and nobody's real one.
const random = createRandom(3);
let traces = 0;

function makeNext() {
  traces += 1;
  if (spec.nested === true) {
    makeNested();
    return;
  }
  const key = keys[Math.floor(random() * keys.length)] ?? '';
  made.set(key, (made.get(key) ?? 0) + SPANS_PER_TRACE);
  subject.inRoute(key, () => makeTrace(key));
}

function makeNested() {
  const [outer, inner] = [backendName(0), backendName(1)];
  made.set(outer, (made.get(outer) ?? 0) + 1);
  made.set(inner, (made.get(inner) ?? 0) + SPANS_PER_TRACE - 1);
  subject.inRoute(outer, () => makeTrace(outer, (fn) => subject.inRoute(inner, fn)));
}

/** @param {number} spans @param {LoadOptions['pace']} pace */
async function make(spans, pace) {
  const until = traces + Math.ceil(spans / SPANS_PER_TRACE);
  if (typeof pace === 'number') return makePaced(until, pace);
  while (traces < until) {
    const turnEnds = pace === 'held' ? until : Math.min(until, traces + TRACES_PER_TURN);
    while (traces < turnEnds) makeNext();
    if (traces < until) await nextTurn();
  }
}

/** @param {number} until @param {number} spansPerSecond */
async function makePaced(until, spansPerSecond) {
  const from = traces;
  const startedAtMs = performance.now();
  while (traces < until) {
    const dueSpans = ((performance.now() - startedAtMs) / 1_000) * spansPerSecond;
    const due = Math.min(until, from + Math.floor(dueSpans / SPANS_PER_TRACE));
    while (traces < due) makeNext();
    await wait(1);
  }
}

/** The longest gap between two turns of the event loop, from now on. */
function watchStalls() {
  let longestMs = 0;
  let lastMs = performance.now();
  function tick() {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  }
  const timer = setInterval(tick, 1);
  return () => {
    clearInterval(timer);
    tick();
    return longestMs;
  };
}

async function flush() {
  // A flush that gives up is no error here: what has not arrived in the end is what counts.
  const flushed = provider.forceFlush().catch(() => {});
  const { hanging } = spec;
  await (hanging === undefined ? flushed : Promise.race([flushed, othersSettled(hanging)]));
  // A flush does not wait for shadows, and what they cost belongs to the measurement.
  if (spec.routes !== undefined) await othersSettled([]);
}

/** @param {readonly string[]} hanging */
async function othersSettled(hanging) {
  const { stats } = subject;
  if (stats === undefined) return spec.subject === 'creation' ? undefined : wait(PEER_WAIT_MS);
  const isUnderWay = () =>
    Object.entries(stats().backends).some(
      ([name, { queued, inFlight }]) => queued + inFlight > 0 && !hanging.includes(name),
    );
  while (isUnderWay()) await wait(10);
}

/** @returns {Promise<LoadResult>} */
async function measure() {
  await make(spec.warmUpSpans, 'busy');
  await flush();
  globalThis.gc?.();

  const eventLoopDelay = monitorEventLoopDelay({ resolution: 1 });
  eventLoopDelay.enable();
  const startedAtMs = performance.now();
  const cpuBefore = process.cpuUsage();
  await make(spec.spans, spec.pace);
  const stopWatching = watchStalls();
  await flush();
  const flushStallMs = stopWatching();
  const cpu = process.cpuUsage(cpuBefore);
  const wallMs = performance.now() - startedAtMs;
  eventLoopDelay.disable();

  // The peer's flush does not wait for what is on the wire already, but its shutdown does.
  if (spec.hanging === undefined) await provider.shutdown();
  return {
    spans: spec.spans,
    sent: sentByBackend(),
    cpuMs: (cpu.user + cpu.system) / 1_000,
    wallMs,
    eventLoopDelayP99Ms: eventLoopDelay.percentile(99) / 1e6,
    flushStallMs,
    peakRssMb: process.resourceUsage().maxRSS / 1_024,
    ...(subject.stats !== undefined && { stats: subject.stats() }),
  };
}

/** @returns {Record<string, number>} */
function sentByBackend() {
  if (spec.routes !== undefined) return sentByRoutes(spec.routes, made, subject.stats?.());
  const all = made.get(FAN_OUT_KEY);
  if (all === undefined) return Object.fromEntries(made);
  return Object.fromEntries(
    Array.from({ length: spec.backends }, (_, index) => {
      const name = backendName(index);
      const isFiltered = spec.settings?.[name]?.filter === 'ai';
      return [name, isFiltered ? (all / SPANS_PER_TRACE) * AI_SPANS_PER_TRACE : all];
    }),
  );
}

const result = await measure();
// Not before the result is out: sockets and timers of an unfinished flush would keep the process.
process.send?.(result, () => process.exit());
