import { isIP } from 'node:net';
import { type IpNetwork, parseNetwork } from './ip-address.js';

/** One entry of a list of allowed hosts: names, or addresses. */
export type AllowedHost =
  /** A name in lower-case ASCII, or `*.suffix` for every name below one. */
  { readonly pattern: string } | { readonly network: IpNetwork };

/**
 * Reads one entry: a name, `*.suffix`, an address, or a network in CIDR notation; `undefined` for anything else.
 *
 * Names are read as in URLs: in any case, with or without the final dot, international ones in either form. What
 * a URL takes for an address in disguise (`0x7f.1`, `2130706433`) is refused, since whoever wrote it meant a name.
 */
export function parseAllowedHost(text: string): AllowedHost | undefined {
  const network = parseNetwork(text.replace(/^\[(.*)\]$/, '$1'));
  if (network !== undefined) return { network };
  const [, wildcard = '', rest = ''] = /^(\*\.)?(.*)$/s.exec(text) ?? [];
  const name = parseHostName(rest);
  return name === undefined ? undefined : { pattern: wildcard + name };
}

/** A name as a URL has it, without the final dot; `undefined` for what is no name. */
function parseHostName(text: string): string | undefined {
  // A URL would cut these off, or take what is before them for something else.
  if (!/^[^\s/?#@:\\[\]%*]+$/.test(text) || !URL.canParse(`http://${text}/`)) return undefined;
  const name = new URL(`http://${text}/`).hostname.replace(/\.$/, '');
  const isName = name !== '' && isIP(name) === 0 && !name.split('.').includes('');
  return isName ? name : undefined;
}
