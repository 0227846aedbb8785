import { expect, test } from 'vitest';
import { maskUrl, maskValue } from '../../src/config/mask.js';
import { monitoringSettings } from '../../src/config/monitoring-settings.js';
import { propagationSettings } from '../../src/config/propagation-settings.js';
import {
  backendSettings,
  processSettings,
  registerSettings,
  type Setting,
} from '../../src/config/schema.js';

const all = Object.entries<Setting>({
  ...backendSettings,
  ...processSettings,
  ...propagationSettings,
  ...monitoringSettings,
  ...registerSettings,
});

test.each(all)('%s is secret if its name says so, and it is no path', (key, setting) => {
  const soundsSecret = /key|secret|token|password|headers$/i.test(key);
  const isShown =
    setting.type === 'path' || ['integer', 'boolean', 'object'].includes(setting.form);
  expect(setting.isSecret ?? false).toBe(soundsSecret && !isShown);
});

test.each([
  ['https://a.example/v1/traces', 'https://a.example/v1/traces'],
  ['https://a.example/v1/traces?key=1', 'https://a.example/v1/traces?****'],
  ['http://user:password@proxy.example:3128', 'http://****@proxy.example:3128/'],
  ['http://user@proxy.example', 'http://****@proxy.example/'],
  ['https://a.example/#part', 'https://a.example/#****'],
  ['://password@', '****'],
  ['project_name:checkout', 'project_name:checkout'],
  ['none', 'none'],
])('a URL is shown without its credentials: %s', (text, shown) => {
  expect(maskUrl(text)).toBe(shown);
});

test('of a compound secret the names of its parts are shown', () => {
  expect(maskValue({ 'x-team': 'a', 'x-key': 'b' }, backendSettings.headers)).toEqual({
    'x-team': '****',
    'x-key': '****',
  });
  expect(maskValue({ acme: ['a', 'b'] }, processSettings.routes)).toEqual({ acme: ['a', 'b'] });
});

test('a switch is shown as it stands', () => {
  expect(maskValue(true, backendSettings.auditHeaders)).toBe(true);
  expect(maskValue(false, backendSettings.auditHeaders)).toBe(false);
});
