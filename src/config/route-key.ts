/**
 * Whether `value` is a valid route key: 1 to 128 characters of letters, digits, `.`, `_`, `-`, `:` and `/`,
 * beginning with a letter or digit (ASCII).
 *
 * Keys come from requests and are written into spans, logs and configuration: the grammar keeps them
 * short and printable, and free of the `,`, `=` and `+` that separate them in `SIGNALBOX_ROUTES`.
 * Anything else, a value that is no string included, is a key that no route knows.
 */
export function isRouteKey(value: unknown): value is string {
  return typeof value === 'string' && routeKey.test(value);
}

const routeKey = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
