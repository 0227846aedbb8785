// @ts-check
// Who uses the demo's service, and what the demo holds to be true: `home` is the backend at which a tenant's
// spans must arrive. It is written down apart from SIGNALBOX_ROUTES, so that a wrong route is found out.

/**
 * @typedef {object} Tenant
 * @property {string} name
 * @property {string | undefined} session a token that the service knows at once
 * @property {string | undefined} apiKey a key that the service must look up
 * @property {'standard' | 'byoc'} home
 */

/** @type {readonly Tenant[]} */
export const tenants = [
  { name: 'acme', session: 'session-4e1d', apiKey: 'key-90c2', home: 'byoc' },
  { name: 'umbrella', session: 'session-b77a', apiKey: 'key-5d18', home: 'byoc' },
  { name: 'initech', session: 'session-02fe', apiKey: 'key-e6a3', home: 'standard' },
  // A tenant for whom no route is configured: SIGNALBOX_UNKNOWN_ROUTE says what becomes of those.
  { name: 'hooli', session: 'session-c9b0', apiKey: 'key-71f4', home: 'standard' },
  // Requests that tell nothing of a tenant: no key is set, and they follow SIGNALBOX_DEFAULT_ROUTE.
  { name: 'nobody', session: undefined, apiKey: undefined, home: 'standard' },
];

/** What the two deployments ask their senders for. @type {Readonly<Record<string, string>>} */
export const backendKeys = { standard: 'sk-standard-demo', byoc: 'sk-byoc-demo' };
