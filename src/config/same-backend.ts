import type { Backend, DynamicConfig } from './resolved.js';

/**
 * Whether two backends are the same to whoever sends to them: the same name and the same settings. What the application
 * made, such as a dispatcher, has to be the same object.
 */
export function isSameBackend(one: Backend, other: Backend): boolean {
  // First, and cheap: one is often looked for among thousands.
  if (one.name !== other.name) return false;
  return (
    isSameDelivery(one.delivery, other.delivery) &&
    isSame(lastingSettings(one), lastingSettings(other))
  );
}

/** Without what its sender reads again by itself: it counts where credentials come from, not what was found there. */
function lastingSettings({ delivery, headers, tls, ...settings }: Backend): object {
  const { authorization, ...otherHeaders } = headers;
  const { apiKey, tls: tlsFiles } = settings.credentials ?? {};
  return {
    ...settings,
    headers: apiKey === undefined ? headers : otherHeaders,
    tls: tlsFiles === undefined ? tls : undefined,
  };
}

/** Whether both would give the same backends. */
export function isSameSource(one: DynamicConfig, other: DynamicConfig): boolean {
  if (!isSame(one.hosts, other.hosts)) return false;
  if (!isSame([...one.classes], [...other.classes])) return false;
  if (typeof one.source === 'function' || typeof other.source === 'function') {
    return one.source === other.source;
  }
  return isSameBackend(one.source, other.source);
}

function isSameDelivery(one: Backend['delivery'], other: Backend['delivery']): boolean {
  if (one.kind === 'signalbox') {
    return other.kind === 'signalbox' && one.dispatcher === other.dispatcher;
  }
  if (other.kind === 'signalbox') return false;
  // One that was made for the configuration is made anew each time, of the other settings.
  const isMadeAlike = one.madeAs !== undefined && one.madeAs === other.madeAs;
  return isMadeAlike || one.exporter === other.exporter;
}

/** Plain values by their content, and everything else by identity. */
function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (!isPlain(one) || !isPlain(other)) return false;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  for (const key of keys) if (!isSame(one[key], other[key])) return false;
  return true;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}
