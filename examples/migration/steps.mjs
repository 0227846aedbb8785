// @ts-check
// The migration, step by step: what the configuration file says of every tenant's route.

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {readonly import('signalbox').RouteBackend[]} route
 * @property {'new'} [standbyFor] the backend that the old one stands by for
 * @property {readonly ('old' | 'new')[]} backends those that are configured
 * @property {'twice' | 'until the standby has all'} [newRefuses] the new backend is down at first
 */

// The new one stands first: so the traces that a share moves are those that it has had as a shadow's share.
/** @type {readonly Step[]} */
export const steps = [
  {
    name: 'before',
    backends: ['old'],
    // Spans are counted by key and backend where a route has a share, be it the whole.
    route: [{ backend: 'old', share: '100%' }],
  },
  {
    name: 'new is a shadow, a part',
    backends: ['old', 'new'],
    route: [{ backend: 'new', role: 'shadow', share: '25%' }, { backend: 'old' }],
  },
  {
    name: 'new is a shadow, all',
    backends: ['old', 'new'],
    route: [{ backend: 'new', role: 'shadow' }, { backend: 'old' }],
  },
  {
    name: 'cut over 10%',
    backends: ['old', 'new'],
    route: [
      { backend: 'new', share: '10%' },
      { backend: 'old', share: '90%' },
    ],
  },
  {
    name: 'cut over 50%, new fails',
    backends: ['old', 'new'],
    route: [
      { backend: 'new', share: '50%' },
      { backend: 'old', share: '50%' },
    ],
    // Nobody takes over: its half waits, and the other half is not held up.
    newRefuses: 'twice',
  },
  {
    name: 'cut over 100%',
    backends: ['old', 'new'],
    route: [{ backend: 'new', share: '100%' }],
  },
  {
    name: 'old is a shadow',
    backends: ['old', 'new'],
    route: [{ backend: 'new' }, { backend: 'old', role: 'shadow' }],
  },
  {
    name: 'old stands by',
    backends: ['old', 'new'],
    route: [{ backend: 'new', share: '100%' }],
    standbyFor: 'new',
  },
  {
    name: 'old stands by, new fails',
    backends: ['old', 'new'],
    route: [{ backend: 'new', share: '100%' }],
    standbyFor: 'new',
    newRefuses: 'until the standby has all',
  },
  {
    name: 'old is gone',
    backends: ['new'],
    route: [{ backend: 'new', share: '100%' }],
  },
];

/**
 * The configuration file of a step.
 *
 * @param {Step} step
 * @param {readonly string[]} tenants
 */
export function configurationOf({ route, backends, standbyFor }, tenants) {
  return {
    routes: Object.fromEntries(tenants.map((tenant) => [tenant, route])),
    backends: Object.fromEntries(
      backends.map((name) => [
        name,
        {
          endpoint: `\${${name.toUpperCase()}_URL}`,
          api_key: `\${${name.toUpperCase()}_API_KEY}`,
          schedule_delay: 250,
          ...(name === standbyFor && { standby: 'old' }),
        },
      ]),
    ),
  };
}

/** A route as it stands in YAML. @param {Step} step */
export function describeRoute({ route, standbyFor }) {
  const entries = route.map(({ backend, role, share }) => {
    if (role === undefined && share === undefined) return backend;
    const words = [
      `backend: ${backend}`,
      ...(role === undefined ? [] : [`role: ${role}`]),
      ...(share === undefined ? [] : [`share: ${share}`]),
    ];
    return `{ ${words.join(', ')} }`;
  });
  return `[${entries.join(', ')}]${standbyFor === undefined ? '' : ', standby: old'}`;
}
