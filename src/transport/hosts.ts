import dns, { type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { buildConnector } from 'undici';
import type { HostGuard } from '../config/host-guard.js';
import { TransportError } from './failure.js';

/** Node's own, asked for by name each time, as `net.connect` does: applications replace it, to cache or to trace. */
export const systemLookup: LookupFunction = (hostname, options, callback) =>
  dns.lookup(hostname, options, callback);

/**
 * Makes a look-up that leaves out the addresses that a host may not be reached at.
 *
 * To be given to what opens the connection, so that what is checked is what is connected to: a name that is looked
 * up, checked, and looked up again may lead elsewhere the second time (DNS rebinding). Where no address is left the
 * look-up fails, for good: nothing of the name has been contacted.
 */
export function createGuardedLookup(guard: HostGuard, lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found, family) => {
      if (error !== null) {
        callback(error, [], 0);
        return;
      }
      const addresses = listAddresses(found, family);
      const allowed = addresses.filter(({ address }) => guard.allowsAddress(hostname, address));
      const [first] = allowed;
      if (first === undefined) callback(notAllowed(hostname, addresses), [], 0);
      else if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

/**
 * Checks each connection's host by name, or as the address that it is, before it is opened. Node looks up neither an
 * address nor what a proxy is to connect to.
 *
 * @param isResolvedHere Whether the connector has a guarded look-up.
 */
export function withHostGuard(
  connect: buildConnector.connector,
  guard: HostGuard,
  isResolvedHere: boolean,
): buildConnector.connector {
  return (target, callback) => {
    const fault = guard.fault(target.hostname, isResolvedHere);
    if (fault === undefined) return connect(target, callback);
    const message = `${target.hostname} ${fault.what}`;
    callback(new TransportError('not_allowed', message, { isFinal: true }), null);
  };
}

/** Replacements of `dns.lookup` do not all heed `all`. */
function listAddresses(found: string | LookupAddress[], family = 0): LookupAddress[] {
  return typeof found === 'string' ? [{ address: found, family }] : found;
}

function notAllowed(hostname: string, addresses: readonly LookupAddress[]): TransportError {
  const list = addresses.map(({ address }) => address).join(', ');
  const message = `${hostname} has no address that is allowed (${list || 'it has none at all'})`;
  return new TransportError('not_allowed', message, { isFinal: true });
}
