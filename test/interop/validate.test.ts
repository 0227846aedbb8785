import { expect, test } from 'vitest';
import { makeFolder } from '../helpers/folder.js';
import { collectorConfig } from './collector-config.js';
import { everySetting } from './every-setting.js';
import { validate } from './otelcol.js';

/** What the Collector's own environment has to have, beside the service's. */
const own = {
  SIGNALBOX_BACKEND_BYOC_ACME_TRACES_ENDPOINT: 'https://acme.example/in?token=secret',
  COLLECTOR_HEADER_BYOC_ACME_X_TEAM: '1',
  COLLECTOR_HEADER_BYOC_ACME_X_TEAM_2: 'two',
  COLLECTOR_HEADER_BYOC_ACME_X_Y: 'three',
};

test.each([
  { tier: 'gateways', options: [] },
  { tier: 'agents', options: ['--gateways', 'gateways.example:4317'] },
  { tier: 'agents', options: ['--gateways', '10.0.0.1:4317,10.0.0.2:4317'] },
])(
  'the Collector finds the configuration of the $tier valid: $options',
  async ({ tier, options }) => {
    const env = everySetting(makeFolder());
    const config = await collectorConfig(env, '--tier', tier, ...options);
    expect(await validate({ config, env: { ...env, ...own } })).toBe('');
  },
);

test('its validation finds what is wrong', async () => {
  const config = await collectorConfig(everySetting(makeFolder()));
  const wrong = config.replaceAll('max_elapsed_time', 'max_elapsed');
  expect(await validate({ config: wrong, env: own })).not.toBe('');
});
