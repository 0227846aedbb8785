import { stringify } from 'yaml';
import type { Entry, Layer } from './layer.js';
import { hasSecret } from './mask.js';
import { monitoringSettings } from './monitoring-settings.js';
import { backendSettings, processSettings, type Setting } from './schema.js';

/** Settings as a configuration file has them. */
export interface ConfigFile {
  readonly settings: Readonly<Record<string, unknown>>;
  /** What is not in them: secrets that no variable holds as they are. */
  readonly leftOut: readonly { readonly path: string; readonly where: string }[];
}

/**
 * The configuration file that says what a layer does: the other direction of `readConfigText`.
 *
 * A secret is written as a reference to the variable that holds it, so that the file itself has none. Where there is no
 * such variable, or it holds more than the one value, the secret is left out.
 *
 * @param showsSecrets - Writes secrets as they are.
 */
export function configFileOf(layer: Layer, showsSecrets: boolean): ConfigFile {
  const leftOut: { path: string; where: string }[] = [];

  function valuesOf(
    found: ReadonlyMap<string, Entry>,
    settings: Readonly<Record<string, Setting>>,
    path: string,
  ): Record<string, unknown> {
    const values = Object.entries(settings).flatMap(([key, setting]) => {
      const entry = found.get(key);
      if (entry?.value === undefined || setting.variable === undefined) return [];
      const name = setting.variable.toLowerCase();
      if (showsSecrets || !hasSecret(entry.value, setting))
        return [[name, escapeReferences(entry.value)]];
      const reference = referenceTo(entry);
      if (reference !== undefined) return [[name, reference]];
      leftOut.push({ path: `${path}${name}`, where: entry.where });
      return [];
    });
    return Object.fromEntries(values);
  }

  const backends = Array.from(layer.backends, ([name, backend]) => [
    name,
    valuesOf(backend.settings, backendSettings, `backends.${name}.`),
  ]);
  const { template, monitoring } = layer;
  const settings = {
    ...(backends.length > 0 && { backends: Object.fromEntries(backends) }),
    ...(template && { template: valuesOf(template.settings, backendSettings, 'template.') }),
    ...(monitoring && {
      monitoring: valuesOf(monitoring.settings, monitoringSettings, 'monitoring.'),
    }),
    ...valuesOf(layer.settings, processSettings, ''),
  };
  return { settings, leftOut };
}

/** The file's text, as YAML. */
export function formatConfigFile({ settings, leftOut }: ConfigFile): string {
  const notes = leftOut.map(
    ({ path, where }) => `# Left out, as it is secret: ${path} (${where})\n`,
  );
  return notes.join('') + stringify(settings, { version: '1.2', lineWidth: 0 });
}

/** A variable that holds just this value; a place in a file, which has a colon, is none. */
function referenceTo({ value, where }: Entry): string | undefined {
  return typeof value === 'string' && !where.includes(':') ? `\${${where}}` : undefined;
}

/** Nothing in a value may be taken for a reference. */
function escapeReferences(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map(escapeReferences);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, escapeReferences(part)]),
  );
}
