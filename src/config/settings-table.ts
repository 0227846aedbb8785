import { monitoringSettings } from './monitoring-settings.js';
import { propagationSettings } from './propagation-settings.js';
import {
  backendSettings,
  configFileSetting,
  processSettings,
  registerSettings,
  type Setting,
} from './schema.js';

/**
 * The settings as Markdown tables, from the schema: those of the whole processor, those of one backend, and
 * those of `signalbox/register`.
 * What only code can give is not in them.
 */
export function settingsTable(): string {
  const { backends, ...others } = processSettings;
  const process = Object.entries<Setting>({ backends, configFile: configFileSetting, ...others });
  const propagation = Object.entries<Setting>(propagationSettings);
  const backend = Object.entries<Setting>(backendSettings);
  const monitoring = Object.entries<Setting>(monitoringSettings);
  const register = Object.entries<Setting>(registerSettings);
  return [
    ...table('variable', 'SIGNALBOX_', process),
    '',
    'For route keys [between services](docs/propagation.md), read by `RoutePropagator.fromEnv()`; variables only:',
    '',
    ...table('variable', 'SIGNALBOX_', propagation),
    '',
    'For each backend, where `<NAME>` is its name in upper case with `-` as `_`:',
    '',
    ...table('variable', 'SIGNALBOX_BACKEND_<NAME>_', backend),
    '',
    'A backend of its own for each key that no route knows ([docs/dynamic-backends.md](docs/dynamic-backends.md)): `SIGNALBOX_TEMPLATE_`',
    'followed by any of these but `EXPORTER`, with `{route}` for the key in `ENDPOINT`, as in `https://{route}.data.example`.',
    '',
    'Telemetry about signalbox itself ([docs/monitoring.md](docs/monitoring.md)):',
    '',
    ...table('variable', 'SIGNALBOX_MONITORING_', monitoring),
    '',
    'The file has the same settings in lower snake case: the part after the prefix, backends under `backends:` by',
    'name, the template under `template:`, monitoring under `monitoring:`, routes under `routes:` by key. Code has them in camelCase; milliseconds end in `Ms` there.',
    '',
    'Only `signalbox/register` reads these, and only from variables:',
    '',
    ...table('variable', 'SIGNALBOX_', register),
  ].join('\n');
}

function table(
  heading: string,
  prefix: string,
  settings: readonly (readonly [string, Setting])[],
): string[] {
  const rows = settings.flatMap(([, setting]) =>
    setting.variable === undefined ? [] : [row(prefix + setting.variable, setting)],
  );
  return [`| ${heading} | type | default | meaning |`, '| --- | --- | --- | --- |', ...rows];
}

function row(variable: string, setting: Setting): string {
  const { type, description, default: value, fallbacks = [] } = setting;
  const fallback = fallbacks.map((name) => `\`${name}\``).join(', ');
  const cells = [
    `\`${variable}\``,
    type,
    value === undefined ? '' : `\`${value}\``,
    fallback === '' ? description : `${description} Falls back to ${fallback}.`,
  ];
  return `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |');
}
