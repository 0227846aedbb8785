/** What the name of a file tells without reading it. */
export interface NamedFile {
  readonly createdAt: number;
  readonly spans: number;
}

/** Distinguishes the files of one process. */
export interface FileOrigin extends NamedFile {
  /** Of the process. */
  readonly owner: string;
  /** Of the file, among those of its process. */
  readonly sequence: number;
}

const NAME = /^(\d{15})-(\d{9})-([0-9a-f]{16})-(\d{1,9})\.spool$/;

/** The name of a file. Names in alphabetical order are in the order of time. */
export function formatFileName({ createdAt, sequence, owner, spans }: FileOrigin): string {
  const time = String(createdAt).padStart(15, '0');
  return `${time}-${String(sequence).padStart(9, '0')}-${owner}-${spans}.spool`;
}

/** Reads a name; `undefined` for one that is none of a spool's. */
export function parseFileName(name: string): NamedFile | undefined {
  const [, createdAt, , , spans] = NAME.exec(name) ?? [];
  return createdAt === undefined || spans === undefined || Number(spans) === 0
    ? undefined
    : { createdAt: Number(createdAt), spans: Number(spans) };
}
