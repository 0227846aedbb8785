import { variablePart } from './backend-name.js';
import type { Where } from './findings.js';
import { monitoringSettings } from './monitoring-settings.js';
import { backendSettings, processSettings, type Setting } from './schema.js';

/** The value of one setting, as it was found, and where. */
export interface Entry {
  readonly value: unknown;
  readonly where: string;
  /** Where the parts of a compound value stand, by header name or route key. */
  readonly parts?: ReadonlyMap<string, string>;
}

/** The settings of one backend that were found, by their keys in code. */
export interface BackendLayer {
  readonly settings: Map<string, Entry>;
  /** Where a setting stands, or would stand, that was not found. */
  readonly whereMissing: (key: string | undefined) => string;
}

/** What one source of configuration, or several merged, has to say. Nothing in it is checked yet. */
export interface Layer {
  readonly settings: Map<string, Entry>;
  readonly backends: Map<string, BackendLayer>;
  /** The settings of the template, where there is one. */
  template: BackendLayer | undefined;
  /** The settings of monitoring, where there are any. */
  monitoring: BackendLayer | undefined;
}

/** A layer without settings. */
export function createLayer(): Layer {
  return { settings: new Map(), backends: new Map(), template: undefined, monitoring: undefined };
}

/** Lays `upper` over `lower`, each setting by itself: a compound one (headers, routes) as a whole. */
export function mergeLayers(lower: Layer, upper: Layer): Layer {
  const backends = new Map(lower.backends);
  for (const [name, backend] of upper.backends) {
    backends.set(name, mergeBackends(lower.backends.get(name), backend));
  }
  return {
    settings: new Map([...lower.settings, ...upper.settings]),
    backends,
    template: upper.template ? mergeBackends(lower.template, upper.template) : lower.template,
    monitoring: upper.monitoring
      ? mergeBackends(lower.monitoring, upper.monitoring)
      : lower.monitoring,
  };
}

function mergeBackends(lower: BackendLayer | undefined, upper: BackendLayer): BackendLayer {
  return {
    settings: new Map([...(lower?.settings ?? []), ...upper.settings]),
    whereMissing: lower?.whereMissing ?? upper.whereMissing,
  };
}

/** Every backend, the template included. */
export function listBackendLayers({ backends, template }: Layer): BackendLayer[] {
  return [...backends.values(), ...(template ? [template] : [])];
}

/** The layer in the shape of a `SignalboxConfig`, its values still unchecked. */
export function configOf(layer: Layer): unknown {
  const backends = Array.from(layer.backends, ([name, { settings }]) => [name, valuesOf(settings)]);
  return {
    ...valuesOf(layer.settings),
    backends: Object.fromEntries(backends),
    ...(layer.template && { template: valuesOf(layer.template.settings) }),
    ...(layer.monitoring && { monitoring: valuesOf(layer.monitoring.settings) }),
  };
}

function valuesOf(settings: ReadonlyMap<string, Entry>): Record<string, unknown> {
  return Object.fromEntries(Array.from(settings, ([key, { value }]) => [key, value]));
}

/** Names the places of the layer's settings: that of the value, or where the missing value would stand. */
export function whereIn(layer: Layer): Where {
  return ([key = '', name, backendKey, part]) => {
    const group = key === 'template' || key === 'monitoring' ? layer[key] : undefined;
    if (group !== undefined) {
      const entry = name === undefined ? undefined : group.settings.get(name);
      return placeOf(entry, backendKey) ?? group.whereMissing(name);
    }
    const backend = key === 'backends' && name !== undefined ? layer.backends.get(name) : undefined;
    if (backend === undefined) {
      return placeOf(layer.settings.get(key), name) ?? processVariable(key);
    }
    const entry = backendKey === undefined ? undefined : backend.settings.get(backendKey);
    return placeOf(entry, part) ?? backend.whereMissing(backendKey);
  };
}

function placeOf(entry: Entry | undefined, part: string | undefined): string | undefined {
  return (part === undefined ? undefined : entry?.parts?.get(part)) ?? entry?.where;
}

/** The variable of a process-wide setting. */
export function processVariable(key: string): string {
  return `SIGNALBOX_${variableOf(processSettings, key)}`;
}

/** The variable of a backend's setting; of the list of backends without a key. */
export function backendVariable(name: string, key: string | undefined): string {
  if (key === undefined) return processVariable('backends');
  return `SIGNALBOX_BACKEND_${variablePart(name)}_${variableOf(backendSettings, key)}`;
}

/** The variable of a setting of the template; without a key, the one that it can not be without. */
export function templateVariable(key: string = 'endpoint'): string {
  return `SIGNALBOX_TEMPLATE_${variableOf(backendSettings, key)}`;
}

/** The variable of a setting of monitoring; without a key, the one that it can not be without. */
export function monitoringVariable(key: string = 'endpoint'): string {
  return `SIGNALBOX_MONITORING_${variableOf(monitoringSettings, key)}`;
}

function variableOf(settings: Readonly<Record<string, Setting>>, key: string): string {
  return settings[key]?.variable ?? key;
}
