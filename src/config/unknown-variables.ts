import { type Findings, shown } from './findings.js';
import { nearest } from './nearest.js';
import { backendSettings, type Setting } from './schema.js';

/** What all our variables begin with. */
export const prefix = 'SIGNALBOX_';
/** What a backend's variables begin with, before its name. */
export const backendPrefix = 'SIGNALBOX_BACKEND_';

const backendVariables = Object.values<Setting>(backendSettings).flatMap(
  ({ variable }) => variable ?? [],
);

/** Names that are set aside for settings to come: one that is set would be ignored in silence. */
const unbuilt = /^SIGNALBOX_(ALLOWED_HOSTS|PROPAGATION_SECRET|TEMPLATE_.*)$/;

/**
 * Reports a variable that is none of the process-wide ones in `known`: a problem where it was meant to be one,
 * or a backend's, and a warning otherwise.
 */
export function reportUnknownVariable(
  variable: string,
  known: Iterable<string>,
  findings: Findings,
): void {
  const where = shown(variable);
  const rest = variable.slice(prefix.length);
  if (unbuilt.test(variable)) {
    findings.problem(where, 'is not a setting of this version', 'unset it');
    return;
  }
  if (isServiceVariable(variable)) {
    warnOfService(variable, findings);
    return;
  }
  if (backendVariables.includes(rest)) {
    const hint = `set ${backendPrefix}<NAME>_${rest}`;
    findings.problem(where, 'is a setting of one backend, and names none', hint);
    return;
  }
  const near = nearest(
    rest,
    Array.from(known, (name) => name.slice(prefix.length)),
  );
  if (near !== undefined) {
    findings.problem(where, 'is not a known setting', `did you mean ${prefix}${near}?`);
  } else {
    findings.warn(where, 'is not a known setting and has no effect', 'unset it');
  }
}

/**
 * Reports a variable that begins like a backend's and belongs to none: a problem, unless Kubernetes made it.
 *
 * @param parts how the backends that exist are written in variables' names.
 */
export function reportUnknownBackendVariable(
  variable: string,
  parts: readonly string[],
  findings: Findings,
): void {
  if (isServiceVariable(variable)) warnOfService(variable, findings);
  else findings.problem(shown(variable), 'is not a known setting', hintFor(variable, parts));
}

function hintFor(variable: string, parts: readonly string[]): string {
  const rest = variable.slice(backendPrefix.length);
  const part = longest(parts.filter((candidate) => rest.startsWith(`${candidate}_`)));
  if (part !== undefined) {
    const near = nearest(rest.slice(part.length + 1), backendVariables);
    return near ? `did you mean ${backendPrefix}${part}_${near}?` : 'no backend has such a setting';
  }
  const ending = longest(backendVariables.filter((name) => rest.endsWith(`_${name}`)));
  if (ending !== undefined) {
    const near = nearest(rest.slice(0, -ending.length - 1), parts);
    if (near !== undefined) return `did you mean ${backendPrefix}${near}_${ending}?`;
  }
  return parts.length === 0
    ? `name its backend in ${prefix}BACKENDS`
    : `no such backend; add it to ${prefix}BACKENDS, or unset the variable`;
}

function longest(names: readonly string[]): string | undefined {
  return names.toSorted((a, b) => b.length - a.length)[0];
}

/** What Kubernetes injects for a Service whose name begins like our variables: nobody's typing error. */
function isServiceVariable(variable: string): boolean {
  return /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\w+)?)$/.test(variable);
}

function warnOfService(variable: string, findings: Findings): void {
  findings.warn(
    shown(variable),
    'looks like what Kubernetes injects for a Service, and has no effect',
    'rename the Service, or set enableServiceLinks: false in the pod',
  );
}
