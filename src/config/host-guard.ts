import { type AllowedHost, parseAllowedHost } from './allowed-hosts.js';
import type { Fault } from './findings.js';
import { createHostList } from './host-list.js';
import { type IpAddress, type IpNetwork, parseAddress } from './ip-address.js';
import { addressClasses, createAddressList, metadataNames } from './refused-addresses.js';

/** Which hosts may be sent to: plain data, of which backends share one. */
export interface HostPolicy {
  /**
   * Names, `*.suffix`, addresses and networks, as `allowedHosts` has them; `undefined` allows every host that is not
   * refused. What can not be read allows nothing: the configuration has told of it.
   */
  readonly allowed: readonly string[] | undefined;
  /** Refuses loopback and private addresses too: for hosts whose names are made of route keys. */
  readonly refusePrivate: boolean;
}

/** Tells where requests may go, by the host's name and by each address that the name stands for. */
export interface HostGuard {
  /**
   * What is wrong with sending to a host, as far as its name tells, or the address that stands in its place;
   * `undefined` for nothing.
   *
   * @param host A URL's `hostname`.
   * @param isResolvedHere Whether {@link HostGuard.allowsAddress} will be asked of every address that the name has.
   *   Where a proxy, or a dispatcher or exporter made elsewhere, resolves it, the name itself has to be allowed.
   */
  fault(host: string, isResolvedHere: boolean): Fault | undefined;
  /** Whether a connection to `host` may go to this address, which its name has been resolved to. */
  allowsAddress(host: string, address: string): boolean;
}

/**
 * Makes the guard of one processor, or of the backends of a template.
 *
 * - Link-local addresses and those of cloud metadata are refused; with `refusePrivate`, loopback and private ones too.
 *   Listing them explicitly allows them: by an address or a network within the kind, as `127.0.0.1` or `10.1.0.0/16`.
 *   A wider network (`0.0.0.0/0`) does not mean what it merely contains, nor does a listed name mean its addresses.
 * - With a list, a host has to be on it: by its name, or by its address.
 */
export function createHostGuard({ allowed, refusePrivate }: HostPolicy): HostGuard {
  const entries = allowed?.flatMap((text) => parseAllowedHost(text) ?? []);
  const patterns = entries?.flatMap(patternsOf) ?? [];
  const networks = entries?.flatMap(networksOf) ?? [];
  const isListedName = createHostList(patterns);
  const isNamedItself = createHostList(patterns.filter((pattern) => !pattern.startsWith('*.')));
  const isListedAddress = createAddressList(networks);
  const refusals = addressClasses
    .filter(({ isAlwaysRefused }) => isAlwaysRefused || refusePrivate)
    .map(({ isAlwaysRefused, has, contains }) => ({
      fault: isAlwaysRefused ? refused : refusedAsPrivate,
      has,
      isListed: createAddressList(networks.filter(contains)),
    }));

  function refusalOf(address: IpAddress): Fault | undefined {
    return refusals.find(({ has, isListed }) => has(address) && !isListed(address))?.fault;
  }

  function nameFault(name: string, isResolvedHere: boolean): Fault | undefined {
    const plain = name.toLowerCase().replace(/\.$/, '');
    if (metadataNames.has(plain) && !isNamedItself(name)) return refused;
    // RFC 6761, 6.3: every name below localhost is this host. No other name is below it, so any entry for it means this.
    const isLocal = /(^|\.)localhost$/.test(plain);
    if (refusePrivate && isLocal && !isListedName(name) && !isListedName('localhost')) {
      return refusedAsPrivate;
    }
    const isOpen = entries === undefined || isListedName(name);
    return isOpen || (isResolvedHere && networks.length > 0) ? undefined : unlisted;
  }

  return {
    fault(host, isResolvedHere) {
      const address = parseAddress(host);
      if (address === undefined) return nameFault(host, isResolvedHere);
      const isOpen = entries === undefined || isListedAddress(address);
      return refusalOf(address) ?? (isOpen ? undefined : unlisted);
    },

    allowsAddress(host, text) {
      const address = parseAddress(text);
      if (address === undefined || refusalOf(address) !== undefined) return false;
      return entries === undefined || isListedName(host) || isListedAddress(address);
    },
  };
}

const guards = new WeakMap<HostPolicy, HostGuard>();

/** The guard of a policy, which is made once: thousands of backends may share it. */
export function hostGuardOf(policy: HostPolicy): HostGuard {
  const guard = guards.get(policy) ?? createHostGuard(policy);
  guards.set(policy, guard);
  return guard;
}

const unlisted: Fault = {
  what: 'leads to a host that is not allowed',
  hint: 'list it in SIGNALBOX_ALLOWED_HOSTS (allowedHosts): behind a proxy, a dispatcher or another exporter by its name',
};
const refused: Fault = {
  what: 'leads to a link-local address, or to cloud metadata',
  hint: 'another host; or list this very address in SIGNALBOX_ALLOWED_HOSTS (allowedHosts)',
};
const refusedAsPrivate: Fault = {
  what: 'leads to a loopback or private address',
  hint: 'another host; or list this very address in SIGNALBOX_ALLOWED_HOSTS (allowedHosts)',
};

function patternsOf(entry: AllowedHost): string[] {
  return 'pattern' in entry ? [entry.pattern] : [];
}

function networksOf(entry: AllowedHost): IpNetwork[] {
  return 'network' in entry ? [entry.network] : [];
}
