import { expect, test } from 'vitest';
import { formatProfile } from '../../src/monitoring/heap-profile.js';

type Node = Parameters<typeof formatProfile>[0];

function node(functionName: string, url: string, selfSize = 0, children: Node[] = []): Node {
  const isOwn = functionName === '(root)' || functionName === 'split';
  const place = { scriptId: isOwn ? '0' : '1', lineNumber: 2, columnNumber: 3 };
  return { callFrame: { functionName, url, ...place }, selfSize, children };
}

function framesOf(text: string): string[] {
  return Array.from(
    text.matchAll(/"functionName":"([^"]*)","url":"([^"]*)"/g),
    ([, name, url]) => `${name} at ${url}`,
  );
}

test('keeps names and files of code, and leaves out what may be made of data', () => {
  const profile = node('(root)', '', 0, [
    node('Map.get size', 'file:///app/a.js'),
    node('größe$', '/app/b.cjs'),
    node('read', 'node:fs'),
    node('split', ''),
    node('tenant', ''),
    node('', 'data:text/javascript,tenant'),
    node('tenant@example.com', 'file:///app/c.js?tenant=1'),
    node('f', 'evalmachine.<anonymous>'),
    node('x'.repeat(200), 'https://cdn.example/app.js'),
  ]);
  expect(framesOf(formatProfile(profile))).toEqual([
    '(root) at ',
    'Map.get size at file:///app/a.js',
    'größe$ at /app/b.cjs',
    'read at node:fs',
    'split at ',
    '(other) at ',
    '(other) at ',
    '(other) at ',
    '(other) at ',
    '(other) at ',
  ]);
});

test('leaves out the smallest parts of a profile that is too large', () => {
  const small = Array.from({ length: 20_000 }, (_, index) =>
    node(`small${index}`, 'file:///app/a.js', 1_000),
  );
  const profile = node('(root)', '', 0, [
    ...small,
    node('path', 'file:///app/a.js', 0, [node('large', 'file:///app/a.js', 10_000_000)]),
  ]);
  const text = formatProfile(profile);
  expect(text.length).toBeLessThanOrEqual(1024 * 1024);
  expect(framesOf(text).map((frame) => frame.split(' ')[0])).toEqual(['(root)', 'path', 'large']);
});
