import type { Command } from 'commander';

/**
 * Reads the URL of `--stats`, or ends the command with exit code 2.
 *
 * Not by the option's own parser, whose message would repeat what may hold a password.
 */
export function parseStatsUrl(text: string, command: Command): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const problem =
    url === undefined || !/^https?:$/.test(url.protocol)
      ? 'expected a URL that begins with http:// or https://'
      : url.username !== '' || url.password !== ''
        ? 'a URL with a user or a password in it is not taken'
        : undefined;
  if (url === undefined || problem !== undefined) {
    return command.error(`error: --stats: ${problem}`, { exitCode: 2, code: 'signalbox.usage' });
  }
  return url;
}
