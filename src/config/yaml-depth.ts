import { Lexer, Parser } from 'yaml';

/** Deeper than any configuration goes, and far from what the stack holds. */
const MAX_DEPTH = 64;

/**
 * Whether a text nests collections deeper than any configuration does.
 *
 * Asked before the text is made a document, which takes the stack a level for each, throws where that is at its end,
 * and may abort the process there. So does the parser, but only as it closes what is open.
 */
export function isTooDeep(text: string): boolean {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    const tokens = parser.next(lexeme);
    while (tokens.next().done !== true) {
      // A token of the top: only how many are open is of interest.
    }
    if (parser.stack.length > MAX_DEPTH) return true;
  }
  return false;
}
