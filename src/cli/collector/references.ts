import { variablePart } from '../../config/backend-name.js';
import type { ConfigDescription } from '../../config/describe.js';
import { backendVariable } from '../../config/layer.js';
import type { BackendKey } from '../../config/schema.js';

/** The variables that a Collector's configuration refers to, in place of secrets and of what each machine has its own. */
export interface References {
  /** A reference to the variable that holds a backend's setting, or would. */
  toSetting(backend: string, key: BackendKey): string;
  /** A reference to a variable for the value of one of a backend's headers. */
  toHeader(backend: string, header: string): string;
  /** Every variable without which the Collector would send something else, and what it holds. */
  list(): ReadonlyMap<string, string>;
}

/** Creates the references of one configuration. */
export function createReferences({ where }: ConfigDescription): References {
  const variables = new Map<string, string>();

  function refer(variable: string, holds: string): string {
    variables.set(variable, holds);
    return `\${env:${variable}}`;
  }

  /** Headers whose names differ in punctuation alone must not share a variable: each has a backend's secret. */
  function unused(variable: string): string {
    let candidate = variable;
    for (let count = 2; variables.has(candidate); count += 1) candidate = `${variable}_${count}`;
    return candidate;
  }

  return {
    toSetting(backend, key) {
      const place = where(['backends', backend, key]);
      // A place in a file has a line; there the variable is the one that the setting would have.
      const variable = /^[A-Z][A-Z0-9_]*$/.test(place) ? place : backendVariable(backend, key);
      return refer(variable, `${holdings[key] ?? key} of the backend ${backend}`);
    },
    toHeader(backend, header) {
      const name = header.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
      const variable = unused(`COLLECTOR_HEADER_${variablePart(backend)}_${name}`);
      return refer(variable, `the header ${header} of the backend ${backend}`);
    },
    list: () => variables,
  };
}

const holdings: Partial<Record<BackendKey, string>> = {
  apiKey: 'the API key',
  tracesEndpoint: 'the exact URL',
  proxy: 'the proxy',
};

/** Text as it is: a Collector would take `$` for the beginning of a reference. */
export function literal(text: string): string {
  return text.replaceAll('$', '$$$$');
}

/** A duration as Go writes it. */
export function duration(milliseconds: number): string {
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}
