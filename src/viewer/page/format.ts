const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** `12,345`. */
export function formatCount(count: number): string {
  return whole.format(count);
}

/** `12.3K`, where there is little room. */
export function formatShort(count: number): string {
  return count < 10_000 ? whole.format(count) : compact.format(count);
}

/** `4.2` below ten, whole above. */
export function formatRate(rate: number): string {
  return rate > 0 && rate < 10 ? rate.toFixed(1) : whole.format(rate);
}

/** `1.4 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1_000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** `850 µs`, `12.3 ms`, `4.56 s`, `2 m 10 s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0';
  if (ms < 0) return `−${formatDuration(-ms)}`;
  if (ms < 1) return `${Math.round(ms * 1_000)} µs`;
  if (ms < 1_000) return `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
}

/** The time of day to the millisecond, `14:03:07.123`, as it is here. */
export function formatTime(epochMs: number): string {
  const time = new Date(epochMs);
  return `${time.toLocaleTimeString('en-GB')}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** `now`, `12 s ago`, `3 min ago`. */
export function formatAge(ms: number): string {
  if (ms < 1_500) return 'now';
  if (ms < 60_000) return `${Math.round(ms / 1_000)} s ago`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min ago`;
  return `${Math.round(ms / 3_600_000)} h ago`;
}

/** A backend's name, or what stands for the path without one. */
export function backendLabel(name: string): string {
  return name === '' ? '/v1/traces' : name;
}

/** A key, or what stands for spans without one. */
export function keyLabel(key: string): string {
  return key === '' ? 'no key' : key;
}

/** A service's name, or what stands for spans without one. */
export function serviceLabel(service: string): string {
  return service === '' ? 'unnamed service' : service;
}
