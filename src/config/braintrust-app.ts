import { parseEndpoint } from './endpoint.js';
import type { Fault } from './findings.js';
import { otelVariable } from './otel-variables.js';

/**
 * Braintrust's web application, as people reach it. Nothing is ever sent there: spans go to the data plane, and links
 * are what this is for.
 */
export interface BraintrustApp {
  /** Where its pages are, without a slash at the end; or the variable that gives no such URL. */
  readonly publicUrl: string | (Fault & { readonly where: string });
  /** The organization, whose name stands in the path of every page; `undefined` where none is given. */
  readonly orgName: string | undefined;
}

/** Braintrust's own, for every data plane that has no control plane of its own. */
const DEFAULT_APP_URL = 'https://www.braintrust.dev';

/**
 * Reads `BRAINTRUST_APP_PUBLIC_URL`, which defaults to `BRAINTRUST_APP_URL`, and `BRAINTRUST_ORG_NAME`, as Braintrust's
 * own SDK does: an empty variable counts as unset.
 *
 * A URL that can not be used is no problem of the configuration, since a service delivers without it.
 */
export function readBraintrustApp(env: NodeJS.ProcessEnv): BraintrustApp {
  const orgName = otelVariable(env, 'BRAINTRUST_ORG_NAME');
  for (const where of ['BRAINTRUST_APP_PUBLIC_URL', 'BRAINTRUST_APP_URL']) {
    const text = otelVariable(env, where);
    if (text !== undefined) return { publicUrl: parseAppUrl(text, where), orgName };
  }
  return { publicUrl: DEFAULT_APP_URL, orgName };
}

function parseAppUrl(text: string, where: string): BraintrustApp['publicUrl'] {
  const parsed = parseEndpoint(text);
  const hint = `such as ${DEFAULT_APP_URL}`;
  if ('fault' in parsed) return { where, what: parsed.fault.what, hint };
  const { origin, pathname, search } = parsed.url;
  if (search !== '') return { where, what: 'has a query', hint };
  return origin + pathname.replace(/\/+$/, '');
}
