// @ts-check
// What a span costs the application's own code path, apart from its encoding: `onStart` and `onEnd` of processors
// whose exporters do nothing. In a process of its own, for one number of backends.
//
//   node --expose-gc hot-path.mjs '{ "subject": "peer", "backends": 8, ... }'

import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { median } from './statistics.mjs';
import { backendName } from './subjects/subject.mjs';
import { createRandom, SPANS_PER_TRACE, TENANT_ATTRIBUTE } from './workload.mjs';

/**
 * @typedef {object} HotPathSpec
 * @property {'peer' | 'unencoded'} subject
 * @property {number} backends
 * @property {number} [active] how many of the backends get spans; all by default
 * @property {number} passes of 2,000 spans each; the first third of them warms up
 */

/** @typedef {{ nsPerSpan: number }} HotPathResult the median of the passes */

/** @typedef {import('@opentelemetry/sdk-trace-base').SpanProcessor} SpanProcessor */
/** @typedef {import('@opentelemetry/api').Context} Context */
/** The SDK's span is what a processor gets at either end. @typedef {Parameters<SpanProcessor['onStart']>[0]} Span */

/** @typedef {{ root: Span, rootContext: Context, children: Span[], childContext: Context }} Trace */

const TRACES_PER_PASS = 250;

/** @type {HotPathSpec} */
const spec = JSON.parse(process.argv[2] ?? '');
/** @type {{ createSubject: (setup: import('./subjects/subject.mjs').Setup) => import('./subjects/subject.mjs').Subject }} */
const { createSubject } = await import(`./subjects/${spec.subject}.mjs`);

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const { spanProcessors, inRoute } = createSubject({
  backends: spec.backends,
  receiverUrl: '',
  queues: 'ample',
  delivery: 'none',
});
// The processors do not stand in it: they are called by the clock below.
const tracer = new BasicTracerProvider().getTracer('bench');
const keys = Array.from({ length: spec.active ?? spec.backends }, (_, i) => backendName(i));
const random = createRandom(4);

/** A trace whose spans no processor has seen. @returns {Trace} */
function createTrace() {
  const key = keys[Math.floor(random() * keys.length)] ?? '';
  const attributes = { [TENANT_ATTRIBUTE]: key };
  let rootContext = context.active();
  inRoute(key, () => {
    rootContext = context.active();
  });
  const start = (/** @type {Context} */ parent) => {
    const span = tracer.startSpan('span', { attributes }, parent);
    span.end();
    return /** @type {Span} */ (span);
  };
  const root = start(rootContext);
  const childContext = trace.setSpan(rootContext, root);
  const children = Array.from({ length: SPANS_PER_TRACE - 1 }, () => start(childContext));
  return { root, rootContext, children, childContext };
}

/** As the SDK does with several. @param {Span} span @param {Context} parent */
function onStart(span, parent) {
  for (const processor of spanProcessors) processor.onStart(span, parent);
}

/** @param {Span} span */
function onEnd(span) {
  // The same object, with what a processor may read at its end.
  const ended = /** @type {Parameters<SpanProcessor['onEnd']>[0]} */ (
    /** @type {unknown} */ (span)
  );
  for (const processor of spanProcessors) processor.onEnd(ended);
}

/** @param {readonly Trace[]} traces @returns {number} nanoseconds of CPU for each span */
function time(traces) {
  const before = process.cpuUsage();
  for (const { root, rootContext, children, childContext } of traces) {
    onStart(root, rootContext);
    for (const child of children) {
      onStart(child, childContext);
      onEnd(child);
    }
    onEnd(root);
  }
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / (traces.length * SPANS_PER_TRACE);
}

const times = [];
for (let pass = 0; pass < spec.passes; pass += 1) {
  const traces = Array.from({ length: TRACES_PER_PASS }, createTrace);
  // To collect the spans themselves is no cost of the processors: twice, and they are out of the young generation.
  globalThis.gc?.({ type: 'minor' });
  globalThis.gc?.({ type: 'minor' });
  const nsPerSpan = time(traces);
  if (pass >= spec.passes / 3) times.push(nsPerSpan);
  if (pass % 10 === 9) await Promise.all(spanProcessors.map((each) => each.forceFlush()));
}

/** @type {HotPathResult} */
const result = { nsPerSpan: median(times) };
process.send?.(result, () => process.exit());
