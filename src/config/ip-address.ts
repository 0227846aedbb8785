import { isIP } from 'node:net';

/** An IP address as text that `net.BlockList` reads. */
export interface IpAddress {
  readonly family: 'ipv4' | 'ipv6';
  readonly text: string;
}

/** All addresses that begin with the same `prefix` bits. */
export interface IpNetwork extends IpAddress {
  readonly prefix: number;
}

/**
 * Reads an address, with or without the brackets of a URL or the zone of an interface; `undefined` for what is none.
 *
 * An IPv4-mapped one (`::ffff:192.0.2.1`) is the IPv4 address: that is where a connection to it leads.
 */
export function parseAddress(text: string): IpAddress | undefined {
  const address = text.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '');
  const family = isIP(address);
  if (family === 0) return undefined;
  if (family === 4) return { family: 'ipv4', text: address };
  const groups = groupsOf(address);
  return startsWith(groups, MAPPED)
    ? { family: 'ipv4', text: dotted(groups, 6) }
    : { family: 'ipv6', text: address };
}

/** Reads a network in CIDR notation, or an address as a network of one; `undefined` for what is neither. */
export function parseNetwork(text: string): IpNetwork | undefined {
  const [, address = text, bits] = /^(.*)\/(\d{1,3})$/.exec(text) ?? [];
  if (isIP(address) === 0 || address.includes('%')) return undefined;
  const parsed = parseAddress(address);
  if (parsed === undefined) return undefined;
  const width = parsed.family === 'ipv4' ? 32 : 128;
  if (bits === undefined) return { ...parsed, prefix: width };
  const prefix = Number(bits) - (parsed.family === 'ipv4' && isIP(address) === 6 ? 96 : 0);
  return prefix < 0 || prefix > width ? undefined : { ...parsed, prefix };
}

/**
 * The IPv4 address to which an IPv6 one is translated on its way, or which it embeds otherwise; `undefined` for none.
 *
 * NAT64 (RFC 6052), 6to4 (RFC 3056), SIIT (RFC 2765) and IPv4-compatible addresses (RFC 4291, 2.5.5.1).
 */
export function embeddedIpv4({ family, text }: IpAddress): IpAddress | undefined {
  if (family === 'ipv4') return undefined;
  const groups = groupsOf(text);
  if (startsWith(groups, SIX_TO_FOUR)) return { family: 'ipv4', text: dotted(groups, 1) };
  // `::` and `::1` are addresses of their own.
  const isCompatible = startsWith(groups, COMPATIBLE) && !startsWith(groups, UNSPECIFIED);
  const isEmbedded = isCompatible || TRANSLATED.some((prefix) => startsWith(groups, prefix));
  return isEmbedded ? { family: 'ipv4', text: dotted(groups, 6) } : undefined;
}

const MAPPED = [0, 0, 0, 0, 0, 0xffff];
const COMPATIBLE = [0, 0, 0, 0, 0, 0];
const UNSPECIFIED = [0, 0, 0, 0, 0, 0, 0];
const SIX_TO_FOUR = [0x2002];
const TRANSLATED = [
  [0x64, 0xff9b, 0, 0, 0, 0],
  [0, 0, 0, 0, 0xffff, 0],
];

/** The eight numbers of an IPv6 address. */
function groupsOf(address: string): number[] {
  // URL spells every address in one way: hexadecimal throughout, with one "::" at the most.
  const { hostname } = new URL(`http://[${address}]`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const first = parseGroups(head);
  if (tail === undefined) return first;
  const last = parseGroups(tail);
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}

function parseGroups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function startsWith(groups: readonly number[], prefix: readonly number[]): boolean {
  return prefix.every((group, index) => groups[index] === group);
}

/** Two groups, from the one at `index` on, as an IPv4 address. */
function dotted(groups: readonly number[], index: number): string {
  return groups
    .slice(index, index + 2)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}
