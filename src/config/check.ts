import type { Findings, Where } from './findings.js';
import { monitoringSettings } from './monitoring-settings.js';
import { nearest } from './nearest.js';
import {
  type BackendConfig,
  backendSettings,
  processSettings,
  type Setting,
  type SignalboxConfig,
} from './schema.js';
import { isObject } from './setting.js';

/** A configuration after the schema; a backend that is no object at all is there by name alone. */
export interface CheckedConfig extends Partial<Omit<SignalboxConfig, 'backends'>> {
  readonly backends?: Readonly<Record<string, BackendConfig | undefined>>;
}

type Settings = Readonly<Record<string, Setting>>;

/**
 * Checks a configuration against the schema, setting by setting.
 *
 * @returns a copy with what passed; every setting that did not is among the findings and left out, so that the
 * others can still be judged.
 */
export function checkConfig(config: unknown, where: Where, findings: Findings): CheckedConfig {
  if (!isObject(config)) {
    findings.problem(where([]), 'is not an object', 'an object with backends');
    return {};
  }
  const checked = checkSettings(config, processSettings, [], where, findings);
  // The schema's types are those of the interface, setting by setting.
  const { backends, template, monitoring, ...rest }: Partial<SignalboxConfig> = checked;
  const settings: CheckedConfig = {
    ...rest,
    ...(template && {
      template: checkSettings(template, backendSettings, ['template'], where, findings),
    }),
    ...(monitoring && {
      monitoring: checkSettings(monitoring, monitoringSettings, ['monitoring'], where, findings),
    }),
  };
  if (backends === undefined) return settings;
  const entries = Object.entries<unknown>(backends).map(([name, options]) => {
    const path = ['backends', name];
    if (!isObject(options)) {
      findings.problem(where(path), 'is not an object of settings', 'such as { endpoint }');
      return [name, undefined] as const;
    }
    const backend: BackendConfig = checkSettings(options, backendSettings, path, where, findings);
    return [name, backend] as const;
  });
  return { ...settings, backends: Object.fromEntries(entries) };
}

/** The values that pass their settings' schemas; each of the others is among the findings, and left out. */
export function checkSettings(
  values: object,
  settings: Settings,
  path: readonly string[],
  where: Where,
  findings: Findings,
): Record<string, unknown> {
  const passed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const setting = Object.hasOwn(settings, key) ? settings[key] : undefined;
    if (setting === undefined) {
      const near = nearest(key, Object.keys(settings));
      const hint = near ? `did you mean ${near}?` : 'leave it out';
      findings.problem(where([...path, key]), 'is not a known setting', hint);
      continue;
    }
    const result = setting.schema.safeParse(value);
    if (result.success) {
      passed[key] = result.data;
      continue;
    }
    // Of a compound value, each part that is wrong; of a plain one, all issues are told by one sentence.
    const parts = new Set(result.error.issues.map(({ path: [part] }) => part));
    for (const part of parts) {
      const { fault, hint } = part === undefined ? setting : (setting.part ?? setting);
      const place = part === undefined ? [...path, key] : [...path, key, String(part)];
      findings.problem(where(place), fault, hint);
    }
  }
  return passed;
}
