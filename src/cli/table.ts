import type { Paint, Style } from './terminal.js';

/** One cell: its text, and how it is marked up. */
export type Cell = string | { readonly text: string; readonly style: Style };

/** How a table is laid out. */
export interface TableOptions {
  /** Most characters on a line; without it cells are separated by tabs, for programs to read. */
  readonly width: number | undefined;
  readonly paint: Paint;
  /** Characters before each line, on a terminal. */
  readonly indent?: number;
}

/** Characters between two columns. */
const GAP = 2;

/** A column that gives way to others keeps this many characters, if it has them. */
const MIN_WIDTH = 8;

/**
 * Lays rows out in columns that fit the width: the widest columns give way, and their cells go on in the next line.
 *
 * @returns the lines, without line breaks.
 */
export function renderTable(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions,
): string[] {
  if (options.width === undefined) return renderColumns(rows, options);
  const head = headings.map((text) => ({ text: text.toUpperCase(), style: 'faint' as const }));
  return renderColumns([head, ...rows], options);
}

/** As {@link renderTable}, without a line of headings. */
export function renderColumns(
  rows: readonly (readonly Cell[])[],
  { width, paint, indent = 0 }: TableOptions,
): string[] {
  if (width === undefined) return rows.map((row) => row.map(textOf).join('\t'));
  const [first = []] = rows;
  const widths = fitWidths(
    first.map((_, column) => Math.max(...rows.map((row) => textOf(row[column] ?? '').length))),
    width - indent - GAP * (first.length - 1),
  );
  return rows.flatMap((row) => renderRow(row, widths, ' '.repeat(indent), paint));
}

/** Breaks a text into lines of at most `width` characters, behind what separates words and parts of names. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/(?<=[\s_/.,:=+?&@-])/)) {
    if (line !== '' && (line + word).trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += word;
    while (line.trimEnd().length > width) {
      lines.push(line.slice(0, width));
      line = line.slice(width);
    }
  }
  return [...lines, line.trimEnd()];
}

function renderRow(
  row: readonly Cell[],
  widths: readonly number[],
  indent: string,
  paint: Paint,
): string[] {
  const cells = widths.map((width, column) => wrapText(textOf(row[column] ?? ''), width));
  const height = Math.max(...cells.map(({ length }) => length));
  return Array.from({ length: height }, (_, index) => {
    const parts = cells.map((lines, column) => {
      const text = lines[index] ?? '';
      const padding = ' '.repeat((widths[column] ?? 0) - text.length);
      // Painted without its padding: an underlined or inverse cell would else run on.
      return paintCell(row[column], text, paint) + padding;
    });
    return (indent + parts.join(' '.repeat(GAP))).trimEnd();
  });
}

function paintCell(cell: Cell | undefined, text: string, paint: Paint): string {
  return typeof cell === 'object' && text !== '' ? paint(cell.style, text) : text;
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

/** Takes from the widest column, again and again, until the sum fits or nothing more can be taken. */
function fitWidths(natural: readonly number[], available: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, width) => sum + width, 0) - available;
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    const width = widths[widest] ?? 0;
    if (width <= MIN_WIDTH) break;
    widths[widest] = width - 1;
    excess -= 1;
  }
  return widths;
}
