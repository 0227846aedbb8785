/** Tells whether a server's address is one of those that were named. */
export type IsAllowedHost = (address: string) => boolean;

/**
 * Compiles a list of hosts: names and addresses, or `*.suffix` for all that lies below a name.
 *
 * Compared as text in lower case, without the brackets of an IPv6 address and the dot at the end of a full name.
 */
export function createHostList(patterns: readonly string[]): IsAllowedHost {
  const hosts = new Set<string>();
  const suffixes: string[] = [];
  for (const pattern of patterns) {
    const host = pattern.toLowerCase();
    if (host.startsWith('*.')) suffixes.push(host.slice(1));
    else hosts.add(host);
  }
  return (address) => {
    const host = address.toLowerCase().replace(/^\[(.*)\]$|\.$/, '$1');
    return hosts.has(host) || suffixes.some((suffix) => isBelow(host, suffix));
  };
}

function isBelow(host: string, suffix: string): boolean {
  return host.length > suffix.length && host.endsWith(suffix);
}
