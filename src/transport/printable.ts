const MAX_LENGTH = 1_024;

/**
 * One line that is safe to log, of at most 1,024 characters: what others say may be long, and may hold
 * control characters that forge log lines or drive a terminal.
 */
export function toPrintable(text: string): string {
  return (
    text
      .slice(0, MAX_LENGTH)
      // Controls, formats, halves of pairs (also one that the slice made), line and paragraph separators.
      .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
      .trim()
  );
}
