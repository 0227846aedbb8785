import { styleText } from 'node:util';

/** What a command writes to: `process.stdout`, or a stand-in for it. */
export interface OutputStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** The process around a command. */
export interface Terminal {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
}

/** A colour or weight of text; each means the same in every command. */
export type Style = 'good' | 'bad' | 'notable' | 'faint' | 'heading';

/** Marks a text up, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

const formats = {
  good: 'green',
  bad: 'red',
  notable: 'yellow',
  faint: 'dim',
  heading: 'bold',
} as const satisfies Record<Style, Parameters<typeof styleText>[0]>;

/** Colours on a terminal whose user has not asked for none (https://no-color.org), and plain text elsewhere. */
export function createPaint(stream: OutputStream, env: NodeJS.ProcessEnv): Paint {
  const isPlain = stream.isTTY !== true || !!env.NO_COLOR || env.TERM === 'dumb';
  if (isPlain) return (_, text) => text;
  // Whether there are colours has been decided here, and not by the process's own streams.
  return (style, text) => styleText(formats[style], text, { validateStream: false });
}

/** Width of a terminal, in characters; `undefined` for what is none, and has lines of any length. */
export function widthOf({ isTTY, columns }: OutputStream): number | undefined {
  return isTTY === true ? Math.max(columns ?? 80, 40) : undefined;
}
