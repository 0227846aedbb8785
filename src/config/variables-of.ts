import { formatGroups } from './class-text.js';
import {
  backendVariable,
  type Entry,
  type Layer,
  monitoringVariable,
  processVariable,
  templateVariable,
} from './layer.js';
import { monitoringSettings } from './monitoring-settings.js';
import { backendOf } from './route-targets.js';
import { backendSettings, processSettings, type Setting } from './schema.js';

/** A variable that gives one setting. */
export interface SettingVariable {
  readonly name: string;
  readonly value: string;
  readonly setting: Setting;
  /** Where the setting was found. */
  readonly where: string;
}

/**
 * The variables that say what a layer does, `SIGNALBOX_BACKENDS` first: the other direction of `readVariables`.
 *
 * Values are as the variables have them, secrets included. What no variable can say, as two backends that would share
 * their variables' names, is for who reads them to find.
 */
export function variablesOf(layer: Layer): SettingVariable[] {
  const { backends } = processSettings;
  const names = [...layer.backends.keys()].join(',');
  return [
    ...(names === ''
      ? []
      : [{ name: processVariable('backends'), value: names, setting: backends, where: '' }]),
    ...listVariables(layer.settings, processSettings, processVariable),
    ...Array.from(layer.backends, ([name, { settings }]) =>
      listVariables(settings, backendSettings, (key) => backendVariable(name, key)),
    ).flat(),
    ...listVariables(layer.template?.settings ?? new Map(), backendSettings, templateVariable),
    ...listVariables(
      layer.monitoring?.settings ?? new Map(),
      monitoringSettings,
      monitoringVariable,
    ),
  ];
}

function listVariables(
  found: ReadonlyMap<string, Entry>,
  settings: Readonly<Record<string, Setting>>,
  variableOf: (key: string) => string,
): SettingVariable[] {
  return Object.entries(settings).flatMap(([key, setting]) => {
    const entry = found.get(key);
    if (entry?.value === undefined || setting.variable === undefined) return [];
    // A file may have headers and list none, which a variable can only say by not being there.
    if (setting.form === 'pairs' && Object.keys(entry.value ?? {}).length === 0) return [];
    return [
      {
        name: variableOf(key),
        value: formatValue(entry.value, setting),
        setting,
        where: entry.where,
      },
    ];
  });
}

/** A value in the form that its variable has. */
function formatValue(value: unknown, { form }: Setting): string {
  switch (form) {
    case 'pairs':
      return pairs(value, (name, part) => `${encode(name)}=${encode(String(part))}`);
    case 'routes':
      return pairs(
        value,
        (key, names) => `${key}=${Array.isArray(names) ? names.map(backendOf).join('+') : names}`,
      );
    case 'byKey':
      return pairs(value, (key, text) => `${key}=${encode(String(text))}`);
    case 'limits':
      return pairs(value, (name, limit) => `${name}=${limit}`);
    case 'groups':
      return formatGroups(value);
    case 'names':
      return Array.isArray(value) ? value.join(',') : String(value);
    default:
      return String(value);
  }
}

function pairs(value: unknown, format: (name: string, part: unknown) => string): string {
  return Object.entries(value ?? {})
    .map(([name, part]) => format(name, part))
    .join(',');
}

/** Percent-encodes what separates pairs, and what a variable would be cut at. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%3A', ':');
}
