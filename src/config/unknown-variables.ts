import { variablePart } from './backend-name.js';
import { type Findings, shown } from './findings.js';
import { monitoringSettings } from './monitoring-settings.js';
import { nearest } from './nearest.js';
import { backendSettings, type Setting } from './schema.js';

/** What all our variables begin with. */
export const prefix = 'SIGNALBOX_';
/** What the template's variables begin with. */
export const templatePrefix = 'SIGNALBOX_TEMPLATE_';
/** What the variables of monitoring begin with. */
export const monitoringPrefix = 'SIGNALBOX_MONITORING_';
/** What a backend's variables begin with, before its name. */
export const backendPrefix = 'SIGNALBOX_BACKEND_';

const backendVariables = Object.values<Setting>(backendSettings).flatMap(
  ({ variable }) => variable ?? [],
);

/**
 * Reports a variable that is none of the process-wide ones in `known`: a problem where it was meant to be one,
 * or a backend's, and a warning otherwise.
 *
 * @param parts how the backends that exist are written in variables' names.
 */
export function reportUnknownVariable(
  variable: string,
  known: Iterable<string>,
  parts: ReadonlySet<string>,
  findings: Findings,
): void {
  const where = shown(variable);
  const rest = variable.slice(prefix.length);
  if (isServiceVariable(variable)) {
    warnOfService(variable, findings);
    return;
  }
  if (backendVariables.includes(rest)) {
    const hint = `set ${backendPrefix}<NAME>_${rest}`;
    findings.problem(where, 'is a setting of one backend, and names none', hint);
    return;
  }
  const names = Array.from(known, (name) => name.slice(prefix.length));
  const meant = backendVariableMeant(rest, parts) ?? nearest(rest, names);
  if (meant !== undefined) {
    findings.problem(where, 'is not a known setting', `did you mean ${prefix}${meant}?`);
  } else if (isLikeBackendVariable(rest, parts)) {
    const hint = `a backend's settings are ${backendPrefix}<NAME>_*`;
    findings.problem(where, 'is not a known setting', hint);
  } else {
    findings.warn(where, 'is not a known setting and has no effect', 'unset it');
  }
}

/**
 * The backend's variable of which only `BACKEND_` is misspelt or left out. What follows is looked up, not compared
 * with every backend: there may be thousands, and a name that is only near may be another tenant's.
 */
function backendVariableMeant(rest: string, parts: ReadonlySet<string>): string | undefined {
  const names = [0, ...misspeltPrefixes(rest)].map((length) => rest.slice(length));
  const name = names.find((candidate) => isKnown(candidate, parts));
  return name && `BACKEND_${name}`;
}

function isLikeBackendVariable(rest: string, parts: ReadonlySet<string>): boolean {
  if (misspeltPrefixes(rest).length > 0) return true;
  const part = partAtStart(rest, parts);
  return part !== undefined && !!nearest(rest.slice(part.length + 1), backendVariables);
}

/** The lengths of the beginnings of `rest` that may be meant for `BACKEND_`. */
function misspeltPrefixes(rest: string): number[] {
  return [6, 7, 8, 9].filter((length) => nearest(rest.slice(0, length), ['BACKEND_']));
}

/**
 * Reports a variable that begins like a backend's and belongs to none: a problem, unless Kubernetes made it.
 *
 * @param parts how the backends that exist are written in variables' names.
 */
export function reportUnknownBackendVariable(
  variable: string,
  parts: ReadonlySet<string>,
  findings: Findings,
): void {
  if (isServiceVariable(variable)) warnOfService(variable, findings);
  else findings.problem(shown(variable), 'is not a known setting', hintFor(variable, parts));
}

/** Reports a variable that begins like one of the template and is none. */
export function reportUnknownTemplateVariable(
  variable: string,
  known: Iterable<string>,
  findings: Findings,
): void {
  if (isServiceVariable(variable)) {
    warnOfService(variable, findings);
    return;
  }
  const names = [...known, ...backendVariables.map((name) => templatePrefix + name)];
  const near = nearest(variable, names);
  const hint = near ? `did you mean ${near}?` : 'no backend has such a setting';
  findings.problem(shown(variable), 'is not a known setting', hint);
}

/** Reports a variable that begins like one of monitoring and is none. */
export function reportUnknownMonitoringVariable(variable: string, findings: Findings): void {
  if (isServiceVariable(variable)) {
    warnOfService(variable, findings);
    return;
  }
  const names = Object.values(monitoringSettings).map((each) => monitoringPrefix + each.variable);
  const near = nearest(variable, names);
  const hint = near ? `did you mean ${near}?` : 'monitoring has no such setting';
  findings.problem(shown(variable), 'is not a known setting', hint);
}

function hintFor(variable: string, parts: ReadonlySet<string>): string {
  const rest = variable.slice(backendPrefix.length);
  const upperCase = variablePart(rest);
  if (isKnown(upperCase, parts)) return `did you mean ${backendPrefix}${upperCase}?`;

  const part = partAtStart(rest, parts);
  const ending = longest(backendVariables.filter((name) => rest.endsWith(`_${name}`)));
  const near = part
    ? joined(part, nearest(rest.slice(part.length + 1), backendVariables))
    : joined(ending && nearest(rest.slice(0, -ending.length - 1), parts), ending);
  const guess = near && `did you mean ${backendPrefix}${near}?`;
  if (part !== undefined && ending === undefined) return guess ?? 'no backend has such a setting';
  // A whole setting follows: rather a backend that the list lacks than the nearest one, which may be another tenant's.
  if (parts.size === 0) return `name its backend in ${prefix}BACKENDS`;
  const missing = part ? 'no backend has this name or this setting' : 'no backend has this name';
  return `${missing}; add it to ${prefix}BACKENDS, or ${guess ?? 'unset the variable'}`;
}

function isKnown(name: string, parts: ReadonlySet<string>): boolean {
  return backendVariables.some(
    (setting) => name.endsWith(`_${setting}`) && parts.has(name.slice(0, -setting.length - 1)),
  );
}

/** The longest of the parts that `rest` has before an underscore; a part has at most 64 characters. */
function partAtStart(rest: string, parts: ReadonlySet<string>): string | undefined {
  for (let end = 64; end > 0; end--) {
    if (rest[end] === '_' && parts.has(rest.slice(0, end))) return rest.slice(0, end);
  }
  return undefined;
}

function joined(part: string | undefined, setting: string | undefined): string | undefined {
  return part && setting && `${part}_${setting}`;
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
