import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { monitoringTypes } from '../../src/config/monitoring-settings.js';
import { backendVariables, openReceiver, REFUSING_URL } from '../integration/backends.js';
import { fixture, startScript } from '../integration/child.js';

const page = readFileSync('docs/monitoring.md', 'utf8');

function replace(text: string, what: string, by: string): string {
  expect(text).toContain(what);
  return text.replace(what, by);
}

it('the sample of a health endpoint answers with what the page shows', async () => {
  const receiver = await openReceiver();
  const [, sample = ''] = /^```js\n(.*?)^```/ms.exec(page) ?? [];
  const [, shown = ''] = /^```json\n(.*?)^```/ms.exec(page) ?? [];
  const script = replace(
    replace(sample, './telemetry.js', fixture('telemetry.mjs')),
    'server.listen(8080);',
    "server.listen(0, '127.0.0.1', () => process.send(server.address().port));",
  );
  const urls = { standard: receiver.url, 'byoc-acme': REFUSING_URL };
  const child = startScript(script, {
    ...backendVariables({ standard: receiver.url }),
    SIGNALBOX_BACKENDS: Object.keys(urls).join(),
    SIGNALBOX_BACKEND_BYOC_ACME_ENDPOINT: REFUSING_URL,
  });
  const response = await fetch(`http://127.0.0.1:${await child.receive()}/health`);
  child.kill('SIGTERM');

  expect(response.status).toBe(200);
  const answer: unknown = await response.json();
  const idle = { state: 'up', queued: 0, inFlight: 0, spooled: 0, dropped: 0 };
  expect(answer).toEqual({
    ok: true,
    telemetry: { status: 'up', backends: { standard: idle, 'byoc-acme': idle } },
  });
  const number = expect.any(Number);
  const counts = { queued: number, inFlight: number, spooled: number, dropped: number };
  const working = { ...counts, state: 'up', oldestQueuedMs: number, lastDeliveredAt: number };
  expect(JSON.parse(shown)).toEqual({
    ok: true,
    telemetry: {
      status: 'degraded',
      backends: {
        standard: working,
        'byoc-acme': { ...counts, state: 'down', oldestQueuedMs: number },
      },
    },
  });
});

it('the page has every type of telemetry', () => {
  const [, table = ''] = /\| type \| sends.*?\n(.*?)\n\n/s.exec(page) ?? [];
  const types = Array.from(table.matchAll(/^\| `(\w+)`/gm), ([, type]) => type);
  expect(types).toEqual([...monitoringTypes]);
});
