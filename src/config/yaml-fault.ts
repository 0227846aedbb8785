import type { Document, LineCounter, YAMLError } from 'yaml';

/** Where a text stops being YAML, and how. */
export interface YamlFault {
  readonly line: number;
  readonly column: number;
  readonly what: string;
}

/**
 * The first fault of a document in the text's order; `undefined` for none. One mistake often makes the parser
 * stumble several times over what follows it, so that the others would only mislead.
 */
export function firstYamlFault(
  { errors, warnings }: Document.Parsed,
  lineCounter: LineCounter,
): YamlFault | undefined {
  const [first] = [...errors, ...warnings].toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (first === undefined) return undefined;
  const { line, col } = lineCounter.linePos(first.pos[0]);
  const reason = reasons[first.code];
  const what = reason === undefined ? 'is not valid YAML' : `is not valid YAML: ${reason}`;
  return { line, column: col, what };
}

/** The parser's own messages quote the file, which may hold secrets. */
const reasons: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  BAD_DIRECTIVE: 'a directive can not be read',
  BAD_DQ_ESCAPE: 'text in double quotes has an unknown "\\" escape',
  BAD_INDENT: 'the indentation is off, or a bracket is not closed',
  BAD_SCALAR_START: 'a value begins with a character that has to be quoted',
  BLOCK_AS_IMPLICIT_KEY: 'two keys stand in one line, or a value with ": " is not quoted',
  BLOCK_IN_FLOW: 'lines by indentation stand inside brackets, or a "," is missing',
  MISSING_CHAR: 'a character is missing, such as a closing quote or bracket, ":" or ","',
  MULTILINE_IMPLICIT_KEY: 'a key has no ":" after it, or goes over several lines',
  MULTIPLE_DOCS: 'it has several documents',
  TAB_AS_INDENT: 'a tab is used for indentation',
  TAG_RESOLVE_FAILED: 'a tag is not known, or does not fit its value',
  UNEXPECTED_TOKEN: 'something stands where it can not',
};
