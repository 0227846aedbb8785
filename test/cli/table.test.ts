import { describe, expect, test } from 'vitest';
import { renderTable, wrapText } from '../../src/cli/table.js';

const plain = { paint: (_: unknown, text: string) => text };

describe('renderTable', () => {
  const headings = ['setting', 'value', 'from'];
  const rows = [
    ['endpoint', 'https://otlp.example.com', 'SIGNALBOX_BACKEND_A_RATHER_LONG_NAME_ENDPOINT'],
    ['timeout', '10000 ms', { text: 'default', style: 'faint' as const }],
  ];

  test('aligns columns under their headings', () => {
    expect(renderTable(headings, rows, { ...plain, width: 120 })).toEqual([
      'SETTING   VALUE                     FROM',
      'endpoint  https://otlp.example.com  SIGNALBOX_BACKEND_A_RATHER_LONG_NAME_ENDPOINT',
      'timeout   10000 ms                  default',
    ]);
  });

  test('goes on in the next line, within its column, where the width does not do', () => {
    expect(renderTable(headings, rows, { ...plain, width: 64, indent: 2 })).toEqual([
      '  SETTING   VALUE                     FROM',
      '  endpoint  https://otlp.example.com  SIGNALBOX_BACKEND_A_',
      '                                      RATHER_LONG_NAME_ENDPOINT',
      '  timeout   10000 ms                  default',
    ]);
  });

  test.each([40, 60, 80, 100])('never passes %i columns, and loses nothing', (width) => {
    const lines = renderTable(headings, rows, { ...plain, width });
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(width);
    const letters = (text: string) => [...text.replace(/\s/g, '')].sort().join('');
    const cells = [...headings.map((each) => each.toUpperCase()), ...rows.flat()];
    const expected = cells.map((cell) => (typeof cell === 'string' ? cell : cell.text)).join('');
    expect(letters(lines.join(''))).toBe(letters(expected));
  });

  test('separates cells by tabs, without headings, where there is no terminal', () => {
    const lines = renderTable(headings, rows, { ...plain, width: undefined });
    expect(lines[1]).toBe('timeout\t10000 ms\tdefault');
    expect(lines).toHaveLength(2);
  });

  test('paints the text of a cell and not the space around it', () => {
    const paint = (style: string, text: string) => `<${style}>${text}</>`;
    const lines = renderTable(['a', 'b'], [[{ text: 'x', style: 'bad' }, 'y']], {
      paint,
      width: 80,
    });
    expect(lines[1]).toBe('<bad>x</>  y');
  });
});

test('wrapText breaks behind separators, and anywhere where there are none', () => {
  expect(wrapText('a plain text', 7)).toEqual(['a plain', 'text']);
  expect(wrapText('SIGNALBOX_BACKENDS', 10)).toEqual(['SIGNALBOX_', 'BACKENDS']);
  expect(wrapText('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
  expect(wrapText('', 4)).toEqual(['']);
});
