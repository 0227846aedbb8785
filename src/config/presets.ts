/** What is known of a kind of backend. */
export interface Preset {
  /** Where it takes traces, under a base URL. */
  readonly path: string;
  /** What a base URL may end in already; only what follows it in `path` is appended then. */
  readonly knownBases: readonly string[];
  /** The header that carries `parent`; absent where the backend has no such thing. */
  readonly parentHeader?: string;
  /** It routes by the attribute `signalbox.route` itself: spans have to reach it with their keys. */
  readonly isCollector?: true;
}

/** The kinds of backends by name. */
export const presets: Readonly<Record<'otlp' | 'braintrust' | 'collector', Preset>> = {
  // "OTLP/HTTP Request" of the OTLP specification.
  otlp: { path: '/v1/traces', knownBases: [] },
  braintrust: { path: '/otel/v1/traces', knownBases: ['/otel'], parentHeader: 'x-bt-parent' },
  // The OTLP receiver's own path; what makes it a preset is what the routing does for it.
  collector: { path: '/v1/traces', knownBases: [], isCollector: true },
};
