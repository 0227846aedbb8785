import type { Findings, Where } from './findings.js';
import { nearest } from './nearest.js';
import {
  type BackendConfig,
  backendSettings,
  processSettings,
  type Setting,
  type SignalboxConfig,
} from './schema.js';
import { isObject } from './setting.js';

type Settings = Readonly<Record<string, Setting>>;

/**
 * Checks a configuration against the schema, setting by setting.
 *
 * @returns a copy with what passed; every setting that did not is among the findings and left out, so that the
 * others can still be judged.
 */
export function checkConfig(
  config: unknown,
  where: Where,
  findings: Findings,
): Partial<SignalboxConfig> {
  if (!isObject(config)) {
    findings.problem(where([]), 'is not an object', 'an object with backends');
    return {};
  }
  const checked = checkSettings(config, processSettings, [], where, findings);
  // The schema's types are those of the interface, setting by setting.
  const { backends, ...settings }: Partial<SignalboxConfig> = checked;
  if (backends === undefined) return settings;
  const entries = Object.entries(backends).map(([name, options]) => {
    const path = ['backends', name];
    // As above.
    const backend: BackendConfig = checkSettings(options, backendSettings, path, where, findings);
    return [name, backend] as const;
  });
  return { ...settings, backends: Object.fromEntries(entries) };
}

function checkSettings(
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
    if (result.success) passed[key] = result.data;
    else {
      for (const { path: within } of result.error.issues) {
        const [part] = within;
        const inner = part === undefined ? [] : [String(part)];
        findings.problem(where([...path, key, ...inner]), setting.fault, setting.hint);
      }
    }
  }
  return passed;
}
