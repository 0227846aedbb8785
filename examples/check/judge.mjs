// @ts-check
// Judges what arrived at the backends by what the clients sent. `signalbox.route`, which signalbox writes itself, is
// not consulted.

/** @typedef {import('./backends.mjs').Arrival} Arrival */
/** @typedef {import('./backends.mjs').ReceivedSpan} ReceivedSpan */

/**
 * What one request has to leave behind. The request is known by a marker, such as `acme-17`, that its client has put
 * into what it sent; '' stands for all traces without one.
 *
 * @typedef {object} Expectation
 * @property {string} marker
 * @property {readonly string[]} homes the backends that have to get every span of it, and no other may get any
 * @property {readonly string[]} spans their names, each as often as there are such spans
 */

/**
 * Copies of spans, counted; a span that has two homes counts twice.
 *
 * @typedef {object} Verdict
 * @property {number} expected
 * @property {number} atHome arrived where they belong
 * @property {number} elsewhere arrived at another backend
 * @property {number} nowhere expected, and missing
 * @property {number} unexpected of another name than those of their request, or of no request
 * @property {number} repeated arrived more than once
 * @property {number} split traces of which a backend holds a part and not the whole
 * @property {Map<string, number>} faults what is wrong with which spans, and how often
 */

const MARKER = /\b[a-z]+-\d+\b/;

/**
 * @param {readonly Arrival[]} arrivals
 * @param {readonly Expectation[]} expectations
 * @param {(span: ReceivedSpan) => string} [nameOf]
 * @returns {Verdict}
 */
export function judge(arrivals, expectations, nameOf = ({ name }) => name) {
  const markers = markersOf(arrivals.map(({ span }) => span));
  const byMarker = new Map(expectations.map((each) => [each.marker, each]));
  const missing = new Map(
    expectations.flatMap(({ marker, homes, spans }) =>
      homes.map((home) => [`${home} ${marker}`, [...spans]]),
    ),
  );
  const expected = [...missing.values()].reduce((sum, names) => sum + names.length, 0);
  const verdict = { expected, atHome: 0, elsewhere: 0, nowhere: 0, unexpected: 0, repeated: 0 };
  /** @type {Map<string, number>} */
  const faults = new Map();
  /** @type {(what: 'elsewhere' | 'nowhere' | 'unexpected' | 'repeated', name: string, backend: string) => void} */
  const fault = (what, name, backend) => {
    verdict[what] += 1;
    const text = `${what}: "${name}", at ${backend}`;
    faults.set(text, (faults.get(text) ?? 0) + 1);
  };
  const seen = new Set();
  for (const { backend, span } of arrivals) {
    if (seen.has(`${backend} ${span.spanId}`)) {
      fault('repeated', nameOf(span), backend);
      continue;
    }
    seen.add(`${backend} ${span.spanId}`);
    const marker = markers.get(span.traceId) ?? '';
    const names = missing.get(`${backend} ${marker}`) ?? [];
    const index = names.indexOf(nameOf(span));
    if (index >= 0) {
      names.splice(index, 1);
      verdict.atHome += 1;
    } else if (byMarker.get(marker)?.homes.includes(backend) === false) {
      fault('elsewhere', nameOf(span), backend);
    } else {
      fault('unexpected', nameOf(span), backend);
    }
  }
  for (const { marker, homes } of expectations) {
    for (const home of homes) {
      for (const name of missing.get(`${home} ${marker}`) ?? []) fault('nowhere', name, home);
    }
  }
  return { ...verdict, split: countSplit(arrivals), faults };
}

/**
 * Which request each trace belongs to: some span of it has the marker in an attribute, such as its path. Several
 * markers in one trace belong to no request.
 *
 * @param {readonly ReceivedSpan[]} spans
 * @returns {Map<string, string>} markers by trace id
 */
export function markersOf(spans) {
  const markers = new Map();
  for (const { traceId, attributes } of spans) {
    for (const { key, value } of attributes) {
      if (key === 'signalbox.route' || value.type !== 'string') continue;
      const marker = MARKER.exec(value.value)?.[0];
      if (marker === undefined) continue;
      const known = markers.get(traceId) ?? marker;
      markers.set(traceId, known === marker ? marker : 'several requests in one trace');
    }
  }
  return markers;
}

/** @param {readonly Arrival[]} arrivals */
function countSplit(arrivals) {
  /** @type {Map<string, Map<string, Set<string>>>} */
  const traces = new Map();
  for (const { backend, span } of arrivals) {
    const holders = traces.get(span.traceId) ?? new Map();
    traces.set(span.traceId, holders);
    holders.set(backend, (holders.get(backend) ?? new Set()).add(span.spanId));
  }
  return [...traces.values()].filter((holders) => {
    const parts = [...holders.values()];
    const whole = new Set(parts.flatMap((part) => [...part]));
    return parts.some((part) => part.size < whole.size);
  }).length;
}
