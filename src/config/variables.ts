import { backendNameHint, isBackendName, variablePart } from './backend-name.js';
import { type Findings, shown } from './findings.js';
import { backendVariable, createLayer, type Entry, type Layer, processVariable } from './layer.js';
import { nearest } from './nearest.js';
import { backendSettings, configFileSetting, processSettings, type Setting } from './schema.js';
import { type Parsed, parseHeaders, parseInteger, parseNames, parseRoutes } from './text.js';

const prefix = 'SIGNALBOX_';
const backendPrefix = 'SIGNALBOX_BACKEND_';

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
  const processNames = new Map<string, string>();
  for (const [key, setting] of Object.entries<Setting>(processSettings)) {
    if (setting.variable === undefined) continue;
    const name = processVariable(key);
    processNames.set(setting.variable, key);
    const entry = readEntry(env, name, setting, findings);
    if (entry && key !== 'backends') layer.settings.set(key, entry);
  }
  processNames.set(configFileSetting.variable, 'configFile');

  const owners = createOwners(listBackends(layer, env, findings), fileBackends);
  for (const variable of Object.keys(env)) {
    if (env[variable] === undefined || !variable.startsWith(prefix)) continue;
    if (processNames.has(variable.slice(prefix.length))) continue;
    if (variable.startsWith(backendPrefix)) {
      readBackendVariable(variable, env, owners, layer, findings);
    } else if (isServiceVariable(variable)) {
      warnOfService(variable, findings);
    } else {
      judgeUnknown(variable, processNames.keys(), findings);
    }
  }
  return layer;
}

function readEntry(
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
  const parsed = readText(text, setting);
  if ('fault' in parsed) {
    findings.problem(variable, parsed.fault.what, parsed.fault.hint);
    return undefined;
  }
  return { value: parsed.value, where: variable };
}

function readText(text: string, { form }: Setting): Parsed<unknown> {
  switch (form) {
    case 'integer':
      // What is no number stays text, which the schema then refuses.
      return { value: parseInteger(text) ?? text };
    case 'pairs':
      return parseHeaders(text);
    case 'routes':
      return parseRoutes(text);
    default:
      return { value: text };
  }
}

function listBackends(layer: Layer, env: NodeJS.ProcessEnv, findings: Findings): string[] {
  const variable = processVariable('backends');
  const text = env[variable]?.trim();
  // An empty list has been told of already.
  if (!text) return [];
  const parsed = parseNames(text);
  if ('fault' in parsed) {
    findings.problem(variable, parsed.fault.what, parsed.fault.hint);
    return [];
  }
  const names = parsed.value.filter(isBackendName);
  if (names.length < parsed.value.length) {
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

/** Which backends, and which of their settings, a variable could mean. */
interface Owners {
  readonly names: ReadonlySet<string>;
  /** Whether there can be no others. */
  readonly areKnown: boolean;
  readonly parts: ReadonlySet<string>;
  of(rest: string): readonly Owner[];
}

interface Owner {
  readonly name: string;
  readonly key: string;
  readonly setting: Setting;
}

function createOwners(
  listed: Iterable<string>,
  fileBackends: Iterable<string> | undefined,
): Owners {
  const names = new Set([...listed, ...(fileBackends ?? [])]);
  const byPart = new Map<string, string[]>();
  for (const name of names) {
    const part = variablePart(name);
    byPart.set(part, [...(byPart.get(part) ?? []), name]);
  }
  return {
    names,
    areKnown: fileBackends !== undefined,
    parts: new Set(byPart.keys()),
    of: (rest) =>
      Object.entries<Setting>(backendSettings).flatMap(([key, setting]) => {
        const ending = `_${setting.variable}`;
        if (!rest.endsWith(ending)) return [];
        const owners = byPart.get(rest.slice(0, -ending.length)) ?? [];
        return owners.map((name) => ({ name, key, setting }));
      }),
  };
}

function readBackendVariable(
  variable: string,
  env: NodeJS.ProcessEnv,
  owners: Owners,
  layer: Layer,
  findings: Findings,
): void {
  const rest = variable.slice(backendPrefix.length);
  const candidates = owners.of(rest);
  const [owner] = candidates;
  if (owner === undefined) {
    if (isServiceVariable(variable)) warnOfService(variable, findings);
    else if (owners.areKnown) {
      findings.problem(shown(variable), 'is not a known setting', hintFor(rest, owners));
    }
    return;
  }
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

function hintFor(rest: string, { names, parts }: Owners): string {
  const variables = Object.values<Setting>(backendSettings).flatMap((s) => s.variable ?? []);
  const part = longest([...parts].filter((candidate) => rest.startsWith(`${candidate}_`)));
  if (part !== undefined) {
    const near = nearest(rest.slice(part.length + 1), variables);
    return near ? `did you mean ${backendPrefix}${part}_${near}?` : 'no backend has such a setting';
  }
  const ending = longest(variables.filter((variable) => rest.endsWith(`_${variable}`)));
  if (ending !== undefined) {
    const near = nearest(rest.slice(0, -ending.length - 1), parts);
    if (near !== undefined) return `did you mean ${backendPrefix}${near}_${ending}?`;
  }
  return names.size === 0
    ? `name its backend in ${processVariable('backends')}`
    : `no such backend; add it to ${processVariable('backends')}, or unset the variable`;
}

function longest(names: readonly string[]): string | undefined {
  return names.toSorted((a, b) => b.length - a.length)[0];
}

/** Names in the design that this version has no use for: one that is set would be ignored in silence. */
const unbuilt = /^(ALLOWED_HOSTS|PROPAGATION_SECRET|TEMPLATE_.*)$/;

function judgeUnknown(variable: string, known: Iterable<string>, findings: Findings): void {
  const rest = variable.slice(prefix.length);
  const where = shown(variable);
  if (unbuilt.test(rest)) {
    findings.problem(where, 'is not a setting of this version', 'unset it');
    return;
  }
  if (Object.values<Setting>(backendSettings).some((setting) => setting.variable === rest)) {
    const hint = `set ${backendPrefix}<NAME>_${rest}`;
    findings.problem(where, 'is a setting of one backend, and names none', hint);
    return;
  }
  const near = nearest(rest, known);
  if (near !== undefined) {
    findings.problem(where, 'is not a known setting', `did you mean ${prefix}${near}?`);
  } else {
    findings.warn(where, 'is not a known setting and has no effect', 'unset it');
  }
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
