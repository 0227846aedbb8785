import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { backendNameHint, isBackendName } from './backend-name.js';
import { parseGroup, parseGroups } from './class-text.js';
import { type Findings, shown, shownKey } from './findings.js';
import { type BackendLayer, createLayer, type Entry, type Layer } from './layer.js';
import { monitoringSettings } from './monitoring-settings.js';
import { nearest } from './nearest.js';
import { backendSettings, processSettings, type Setting } from './schema.js';
import { parseBackends, parseNames } from './text.js';
import { isTooDeep } from './yaml-depth.js';
import { firstYamlFault } from './yaml-fault.js';
import { createScalarReader, type ScalarReader } from './yaml-scalar.js';

/** What reading one file needs at every step of it. */
interface Reading {
  readonly document: Document;
  readonly findings: Findings;
  readonly scalar: ScalarReader;
  /** `file:line path` of a node. */
  readonly where: (node: unknown, path: string) => string;
}

/**
 * Reads the text of a configuration file: YAML 1.2, of which JSON is a part.
 *
 * Its keys are the variables' names in lower case. Scalars are substituted as in OpenTelemetry's declarative
 * configuration. A setting that is there but empty, such as one whose variable is not set, is a problem.
 *
 * @param name the file's name, for messages.
 * @returns `undefined` where the text is no YAML, or has no settings at its top.
 */
export function readConfigText(
  text: string,
  name: string,
  env: NodeJS.ProcessEnv,
  findings: Findings,
): Layer | undefined {
  const layer = createLayer();
  const lineCounter = new LineCounter();
  if (isTooDeep(text)) {
    findings.problem(name, 'is nested too deeply', 'such as backends: with their settings');
    return undefined;
  }
  // Repeated keys are found below, where their path is known.
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter,
  });
  const fault = firstYamlFault(document, lineCounter);
  if (fault) {
    findings.problem(`${name}:${fault.line}:${fault.column}`, fault.what, 'YAML 1.2 or JSON');
    return undefined;
  }

  const lineAt = (offset: number) => lineCounter.linePos(offset).line;
  const where = (node: unknown, path: string) =>
    `${name}:${lineAt((node as Node | null)?.range?.[0] ?? 0)} ${path}`.trimEnd();
  const root = document.contents;
  if (!isMap(root)) {
    findings.problem(where(root, ''), 'is not a set of settings', 'such as backends:');
    return undefined;
  }
  const scalar = createScalarReader(document, env);
  readRoot(root, { document, findings, scalar, where }, layer);
  return layer;
}

function readRoot(root: YAMLMap, reading: Reading, layer: Layer): void {
  for (const { key, keyNode, value } of pairsOf(root, '', reading)) {
    if (key === 'backends') readBackends(value, keyNode, layer, reading);
    else if (key === 'template') readTemplate(value, keyNode, layer, reading);
    else if (key === 'monitoring') readMonitoring(value, keyNode, layer, reading);
    else readSetting(processKeys, key, keyNode, value, '', layer.settings, reading);
  }
}

function readBackends(value: unknown, keyNode: unknown, layer: Layer, reading: Reading): void {
  const { findings, where } = reading;
  const place = where(keyNode, 'backends');
  layer.settings.set('backends', { value: undefined, where: place });
  if (!isMap(value)) {
    findings.problem(place, processSettings.backends.fault, processSettings.backends.hint);
    return;
  }
  for (const pair of pairsOf(value, 'backends.', reading)) {
    const path = `backends.${shown(pair.key)}`;
    if (!isBackendName(pair.key)) {
      findings.problem(where(pair.keyNode, path), 'is not the name of a backend', backendNameHint);
      continue;
    }
    const backend: BackendLayer = {
      settings: new Map(),
      whereMissing: (key) => where(pair.keyNode, key ? `${path}.${fileKey(key)}` : path),
    };
    layer.backends.set(pair.key, backend);
    readBackend(pair.value, pair.keyNode, path, backend, reading);
  }
}

function readTemplate(value: unknown, keyNode: unknown, layer: Layer, reading: Reading): void {
  const path = 'template';
  layer.template = {
    settings: new Map(),
    whereMissing: (key) => reading.where(keyNode, key ? `${path}.${fileKey(key)}` : path),
  };
  readBackend(value, keyNode, path, layer.template, reading);
}

function readMonitoring(value: unknown, keyNode: unknown, layer: Layer, reading: Reading): void {
  const path = 'monitoring';
  layer.monitoring = {
    settings: new Map(),
    whereMissing: (key) => reading.where(keyNode, key ? `${path}.${fileKey(key)}` : path),
  };
  readBackend(value, keyNode, path, layer.monitoring, reading, monitoringKeys);
}

function readBackend(
  node: unknown,
  keyNode: unknown,
  path: string,
  { settings }: BackendLayer,
  reading: Reading,
  known = backendKeys,
): void {
  // Without settings of its own: variables may have them.
  if (isScalar(node) && node.value === null) return;
  if (!isMap(node)) {
    const place = reading.where(keyNode, path);
    reading.findings.problem(place, 'is not a set of settings', 'such as endpoint:');
    return;
  }
  for (const { key, keyNode: ofSetting, value } of pairsOf(node, `${path}.`, reading)) {
    readSetting(known, key, ofSetting, value, `${path}.`, settings, reading);
  }
}

function readSetting(
  known: ReadonlyMap<string, readonly [codeKey: string, setting: Setting]>,
  key: string,
  keyNode: unknown,
  value: unknown,
  prefix: string,
  settings: Map<string, Entry>,
  reading: Reading,
): void {
  const path = `${prefix}${shown(key)}`;
  const place = reading.where(keyNode, path);
  const found = known.get(key);
  if (found === undefined) {
    const near = nearest(key, known.keys());
    const hint = near ? `did you mean ${near}?` : 'leave it out';
    reading.findings.problem(place, 'is not a known setting', hint);
    return;
  }
  const [codeKey, setting] = found;
  const read = readValue(value, setting, path, place, reading);
  settings.set(codeKey, { value: undefined, ...read, where: place });
}

type Read = Partial<Pick<Entry, 'value' | 'parts'>>;

function readValue(
  node: unknown,
  setting: Setting,
  path: string,
  place: string,
  reading: Reading,
): Read {
  switch (setting.form) {
    case 'pairs':
    case 'limits':
    case 'routes':
    case 'byKey':
      return readMap(node, setting, path, place, reading);
    case 'names':
      return readNames(node, setting, place, reading);
    case 'groups':
      return readGroups(node, setting, place, reading);
    default:
      return readScalar(node, setting, place, reading);
  }
}

/** Reads a sequence of names, or a text as in the variable. One that can not be read leaves no value. */
function readNames(node: unknown, setting: Setting, place: string, reading: Reading): Read {
  if (isSeq(node)) {
    const part = { ...setting, ...setting.part };
    const names = node.items.map(
      (item) => readScalar(resolve(item, reading), part, place, reading).value,
    );
    return names.includes(undefined) ? {} : { value: names };
  }
  const { value } = readScalar(node, setting, place, reading);
  if (typeof value !== 'string') return {};
  const parsed = parseNames(value);
  for (const { what, hint } of parsed.faults) reading.findings.problem(place, what, hint);
  return { value: parsed.value };
}

/** Reads a sequence of groups, each a sequence of names or `name|name`; or a text as in the variable. */
function readGroups(node: unknown, setting: Setting, place: string, reading: Reading): Read {
  const part = { ...setting, ...setting.part };
  if (!isSeq(node)) {
    const { value } = readScalar(node, setting, place, reading);
    return typeof value === 'string' ? { value: parseGroups(value).value } : {};
  }
  const groups = node.items.map((item) => {
    const group = resolve(item, reading);
    if (isSeq(group)) return readNames(group, part, place, reading).value;
    const { value } = readScalar(group, part, place, reading);
    return typeof value === 'string' ? parseGroup(value) : undefined;
  });
  return groups.includes(undefined) ? {} : { value: groups };
}

/** Reads a scalar; one that can not be read is among the findings, and leaves no value. */
function readScalar(node: unknown, setting: Setting, place: string, reading: Reading): Read {
  const { findings, scalar } = reading;
  if (!isScalar(node)) {
    findings.problem(place, setting.fault, setting.hint);
    return {};
  }
  const read = scalar(node);
  if ('fault' in read) {
    findings.problem(place, read.fault.what, read.fault.hint);
    return {};
  }
  if (read.value === null) {
    findings.problem(place, 'is empty', 'give it a value, or leave it out');
    return {};
  }
  // Text that happens to look like a number, such as a key of digits, is meant as text.
  const isText = !['integer', 'boolean', 'limits'].includes(setting.form);
  return { value: isText ? read.text : read.value };
}

/** Reads a map of parts, leaving out those that can not be read. */
function readMap(
  node: unknown,
  setting: Setting,
  path: string,
  place: string,
  reading: Reading,
): Read {
  if (!isMap(node)) {
    reading.findings.problem(place, setting.fault, setting.hint);
    return {};
  }
  const values = new Map<string, unknown>();
  const parts = new Map<string, string>();
  const isRoutes = setting.form === 'routes';
  const readPart = isRoutes ? readRoute : readScalar;
  const shownPart = isRoutes || setting.form === 'byKey' ? shownKey : shown;
  const partSetting = { ...setting, ...setting.part };
  for (const { key, keyNode, value } of pairsOf(node, `${path}.`, reading, shownPart)) {
    const part = reading.where(keyNode, `${path}.${shownPart(key)}`);
    const read = readPart(value, partSetting, part, reading);
    parts.set(key, part);
    if (read.value !== undefined) values.set(key, read.value);
  }
  return { value: Object.fromEntries(values), parts };
}

/**
 * Reads a route: a sequence of backends, or `backend+backend` as in the variable. One that can not be read leads
 * nowhere, and its key is there all the same.
 */
function readRoute(node: unknown, setting: Setting, place: string, reading: Reading): Read {
  if (!isSeq(node)) {
    const { value } = readScalar(node, setting, place, reading);
    return { value: typeof value === 'string' ? parseBackends(value) : [] };
  }
  const backends = node.items.map((item) => {
    const entry = resolve(item, reading);
    return isMap(entry)
      ? readRouteBackend(entry, setting, place, reading)
      : readScalar(entry, setting, place, reading).value;
  });
  return { value: backends.includes(undefined) ? [] : backends };
}

/** Reads one backend of a route that has a role or a share; `undefined` for what is none. */
function readRouteBackend(
  node: YAMLMap,
  setting: Setting,
  place: string,
  reading: Reading,
): object | undefined {
  const pairs = pairsOf(node, `${place.slice(place.indexOf(' ') + 1)}.`, reading);
  const entries = pairs.map(({ key, value }) => [
    key,
    readScalar(value, setting, place, reading).value,
  ]);
  return entries.some(([, value]) => value === undefined) ? undefined : Object.fromEntries(entries);
}

interface Pair {
  readonly key: string;
  readonly keyNode: unknown;
  readonly value: unknown;
}

/** The pairs of a map whose keys are text, each key once; the others are problems. */
function pairsOf(map: YAMLMap, prefix: string, reading: Reading, shownName = shown): Pair[] {
  const { findings, where } = reading;
  const pairs = new Map<string, Pair>();
  for (const { key: keyNode, value } of map.items) {
    const key = isScalar(keyNode) ? (keyNode.source ?? String(keyNode.value)) : undefined;
    if (key === undefined) {
      findings.problem(
        where(keyNode, `${prefix}?`),
        'is not a plain key',
        'text, such as backends:',
      );
    } else if (pairs.has(key)) {
      findings.problem(
        where(keyNode, prefix + shownName(key)),
        'stands here twice',
        'leave one of the two',
      );
    } else {
      pairs.set(key, { key, keyNode, value: resolve(value, reading) });
    }
  }
  return [...pairs.values()];
}

function resolve(node: unknown, { document }: Reading): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function keysOf(settings: Readonly<Record<string, Setting>>): Map<string, [string, Setting]> {
  const keys = Object.entries(settings).flatMap(([codeKey, setting]) =>
    setting.variable ? [[setting.variable.toLowerCase(), [codeKey, setting]] as const] : [],
  );
  return new Map(keys.map(([key, [codeKey, setting]]) => [key, [codeKey, setting]]));
}

const processKeys = keysOf(processSettings);
const backendKeys = keysOf(backendSettings);
const monitoringKeys = keysOf(monitoringSettings);

function fileKey(codeKey: string): string {
  const settings: Readonly<Record<string, Setting>> = backendSettings;
  return settings[codeKey]?.variable?.toLowerCase() ?? codeKey;
}
