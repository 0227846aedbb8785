import { expect, test } from 'vitest';
import { monitoringSettings } from '../../src/config/monitoring-settings.js';
import { propagationSettings } from '../../src/config/propagation-settings.js';
import {
  backendSettings,
  processSettings,
  registerSettings,
  type Setting,
} from '../../src/config/schema.js';
import { settingsTable } from '../../src/config/settings-table.js';

const rows = settingsTable()
  .split('\n')
  .filter((line) => line.startsWith('| `SIGNALBOX_'));

test('has a row for every setting that a variable can give', () => {
  const settings = [
    ...Object.values<Setting>(processSettings),
    ...Object.values<Setting>(propagationSettings),
    ...Object.values<Setting>(monitoringSettings),
    ...Object.values<Setting>(backendSettings),
    ...Object.values<Setting>(registerSettings),
  ];
  const variables = settings.flatMap(({ variable }) => variable ?? []);
  for (const variable of [...variables, 'CONFIG_FILE']) {
    expect(rows.filter((row) => row.includes(`_${variable}\` |`)).length).toBeGreaterThan(0);
  }
  expect(rows).toHaveLength(variables.length + 1);
});

test('has four cells in every row', () => {
  for (const row of rows) expect(row.split('|')).toHaveLength(6);
});

test('gives defaults as the variables take them', () => {
  expect(rows).toContainEqual(
    expect.stringContaining('MAX_EXPORT_BATCH_BYTES` | bytes | `4194304` |'),
  );
});

test('names what a setting falls back to', () => {
  expect(rows).toContainEqual(
    expect.stringMatching(
      /_TIMEOUT` .*`OTEL_EXPORTER_OTLP_TRACES_TIMEOUT`, `OTEL_EXPORTER_OTLP_TIMEOUT`/,
    ),
  );
});

test('every integer has a hint that its variable would take', () => {
  for (const setting of Object.values<Setting>(backendSettings)) {
    if (setting.form !== 'integer') continue;
    expect(setting.hint).toMatch(/^give \w+ as a plain number from [01] to \d+$/);
    if (setting.default !== undefined)
      expect(setting.schema.safeParse(setting.default).success).toBe(true);
  }
});
