import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { formatUserAgent } from '../../src/transport/user-agent.js';

it('names signalbox before the OTLP exporter, in the version that is installed', () => {
  const entry = createRequire(import.meta.url).resolve('@opentelemetry/otlp-transformer');
  const root = entry.slice(0, entry.lastIndexOf('/build/'));
  const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));

  expect(formatUserAgent('1.2.3')).toBe(`signalbox/1.2.3 OTel-OTLP-Exporter-JavaScript/${version}`);
});
