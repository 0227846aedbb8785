import { backendNameHint, isBackendName, variablePart } from './backend-name.js';
import { parseGroups } from './class-text.js';
import type { Findings } from './findings.js';
import {
  backendVariable,
  createLayer,
  type Entry,
  type Layer,
  monitoringVariable,
  processVariable,
  templateVariable,
} from './layer.js';
import { monitoringSettings } from './monitoring-settings.js';
import { propagationSettings } from './propagation-settings.js';
import {
  backendSettings,
  configFileSetting,
  processSettings,
  registerSettings,
  type Setting,
} from './schema.js';
import {
  type ParsedList,
  parseByKey,
  parseHeaders,
  parseInteger,
  parseLimits,
  parseNames,
  parseRoutes,
} from './text.js';
import {
  backendPrefix,
  monitoringPrefix,
  prefix,
  reportUnknownBackendVariable,
  reportUnknownMonitoringVariable,
  reportUnknownTemplateVariable,
  reportUnknownVariable,
  templatePrefix,
} from './unknown-variables.js';

/** Process-wide variables that are read elsewhere. */
const readElsewhere = [
  configFileSetting,
  ...Object.values<Setting>(registerSettings),
  ...Object.values<Setting>(propagationSettings),
].map(({ variable }) => `${prefix}${variable}`);

/**
 * Reads `SIGNALBOX_*`, for the backends that `SIGNALBOX_BACKENDS` lists and those of the file. Without
 * `fileBackends`, as the file could not be read, variables of other backends are not judged.
 *
 * Unlike OpenTelemetry's variables these are strict: one that is set but empty, belongs to no backend, or
 * is near a known name is a problem, because each was meant to do something.
 */
export function readVariables(
  env: NodeJS.ProcessEnv,
  fileBackends: Iterable<string> | undefined,
  findings: Findings,
): Layer {
  const layer = createLayer();
  const processNames = new Set(readElsewhere);
  for (const key of Object.keys(monitoringSettings)) processNames.add(monitoringVariable(key));
  for (const [key, setting] of Object.entries<Setting>(processSettings)) {
    if (setting.variable === undefined) continue;
    const name = processVariable(key);
    processNames.add(name);
    const entry = readEntry(env, name, setting, findings);
    if (entry && key !== 'backends') layer.settings.set(key, entry);
  }

  const owners = createOwners([...listBackends(layer, env, findings), ...(fileBackends ?? [])]);
  for (const variable of Object.keys(env)) {
    if (env[variable] === undefined || !variable.startsWith(prefix)) continue;
    if (variable.startsWith(monitoringPrefix)) {
      readMonitoringVariable(variable, env, layer, findings);
      continue;
    }
    if (processNames.has(variable)) continue;
    if (variable.startsWith(templatePrefix)) {
      readTemplateVariable(variable, processNames, env, layer, findings);
      continue;
    }
    const candidates = owners.of(variable);
    if (candidates.length > 0) readBackendVariable(variable, candidates, env, layer, findings);
    else if (!variable.startsWith(backendPrefix)) {
      reportUnknownVariable(variable, processNames, owners.parts, findings);
    } else if (fileBackends !== undefined) {
      reportUnknownBackendVariable(variable, owners.parts, findings);
    }
  }
  return layer;
}

/** Reads one variable; `undefined` where it is not set, or can not be used at all. */
export function readEntry(
  env: NodeJS.ProcessEnv,
  variable: string,
  setting: Setting,
  findings: Findings,
): Entry | undefined {
  const text = env[variable]?.trim();
  if (text === undefined) return undefined;
  if (text === '' && !setting.schema.safeParse('').success) {
    findings.problem(variable, 'is set but empty', 'give it a value, or unset it');
    return undefined;
  }
  if (text === '') return { value: setting.form === 'names' ? [] : text, where: variable };
  const { value, faults } = readText(text, setting);
  for (const { what, hint } of faults) findings.problem(variable, what, hint);
  return { value, where: variable };
}

function readText(text: string, { form }: Setting): ParsedList<unknown> {
  switch (form) {
    case 'integer':
      // What is no number stays text, which the schema then refuses.
      return { value: parseInteger(text) ?? text, faults: [] };
    case 'boolean':
      return { value: text === 'true' || (text === 'false' ? false : text), faults: [] };
    case 'names':
      return parseNames(text);
    case 'pairs':
      return parseHeaders(text);
    case 'limits':
      return parseLimits(text);
    case 'routes':
      return parseRoutes(text);
    case 'groups':
      return parseGroups(text);
    case 'byKey':
      return parseByKey(text);
    default:
      return { value: text, faults: [] };
  }
}

function listBackends(layer: Layer, env: NodeJS.ProcessEnv, findings: Findings): string[] {
  const variable = processVariable('backends');
  const text = env[variable]?.trim();
  // An empty list has been told of already.
  if (!text) return [];
  const { value: listed, faults } = parseNames(text);
  for (const { what, hint } of faults) findings.problem(variable, what, hint);
  const names = listed.filter(isBackendName);
  if (names.length < listed.length) {
    findings.problem(variable, 'has a name that no backend can have', backendNameHint);
  }
  const byPart = new Map<string, string>();
  for (const name of names) {
    const part = variablePart(name);
    const other = byPart.get(part);
    if (other !== undefined) {
      const what = `"${other}" and "${name}" share the variables ${backendPrefix}${part}_*`;
      findings.problem(variable, what, 'rename one of the two');
    }
    byPart.set(part, name);
    layer.backends.set(name, {
      settings: new Map(),
      whereMissing: (key) => backendVariable(name, key),
    });
  }
  return names;
}

/** A backend, and the setting of it, that a variable may mean. */
interface Owner {
  readonly name: string;
  readonly key: string;
  readonly setting: Setting;
}

interface Owners {
  /** How the backends are written in variables' names. */
  readonly parts: ReadonlySet<string>;
  /** All that a variable may mean; nothing for one that belongs to no backend. */
  of(variable: string): readonly Owner[];
}

function createOwners(names: Iterable<string>): Owners {
  const byPart = new Map<string, string[]>();
  for (const name of new Set(names)) {
    const part = variablePart(name);
    byPart.set(part, [...(byPart.get(part) ?? []), name]);
  }
  return {
    parts: new Set(byPart.keys()),
    of: (variable) => {
      if (!variable.startsWith(backendPrefix)) return [];
      const rest = variable.slice(backendPrefix.length);
      return Object.entries<Setting>(backendSettings).flatMap(([key, setting]) => {
        if (setting.variable === undefined || !rest.endsWith(`_${setting.variable}`)) return [];
        const owners = byPart.get(rest.slice(0, -setting.variable.length - 1)) ?? [];
        return owners.map((name) => ({ name, key, setting }));
      });
    },
  };
}

function readTemplateVariable(
  variable: string,
  processNames: Iterable<string>,
  env: NodeJS.ProcessEnv,
  layer: Layer,
  findings: Findings,
): void {
  const rest = variable.slice(templatePrefix.length);
  const found = Object.entries<Setting>(backendSettings).find(([, each]) => each.variable === rest);
  if (found === undefined) {
    reportUnknownTemplateVariable(variable, processNames, findings);
    return;
  }
  const [key, setting] = found;
  layer.template ??= { settings: new Map(), whereMissing: templateVariable };
  const entry = readEntry(env, variable, setting, findings);
  if (entry) layer.template.settings.set(key, entry);
}

function readMonitoringVariable(
  variable: string,
  env: NodeJS.ProcessEnv,
  layer: Layer,
  findings: Findings,
): void {
  const rest = variable.slice(monitoringPrefix.length);
  const found = Object.entries<Setting>(monitoringSettings).find(
    ([, each]) => each.variable === rest,
  );
  if (found === undefined) {
    reportUnknownMonitoringVariable(variable, findings);
    return;
  }
  const [key, setting] = found;
  layer.monitoring ??= { settings: new Map(), whereMissing: monitoringVariable };
  const entry = readEntry(env, variable, setting, findings);
  if (entry) layer.monitoring.settings.set(key, entry);
}

function readBackendVariable(
  variable: string,
  candidates: readonly Owner[],
  env: NodeJS.ProcessEnv,
  layer: Layer,
  findings: Findings,
): void {
  const [owner] = candidates;
  if (owner === undefined) return;
  if (candidates.length > 1) {
    const listed = candidates.every(({ name }) => layer.backends.has(name));
    const parts = new Set(candidates.map(({ name }) => variablePart(name)));
    // Two listed names that share all their variables have been told of, once for all of them.
    if (listed && parts.size === 1) return;
    const names = candidates.map(({ name }) => `"${name}"`).join(' and ');
    const what = `could belong to the backends ${names}`;
    findings.problem(variable, what, 'rename one of them, or give the setting in the file');
    return;
  }
  const { name, key, setting } = owner;
  const entry = readEntry(env, variable, setting, findings);
  const backend = layer.backends.get(name) ?? {
    settings: new Map(),
    whereMissing: (missing) => backendVariable(name, missing),
  };
  layer.backends.set(name, backend);
  if (entry) backend.settings.set(key, entry);
}
