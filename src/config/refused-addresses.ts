import { BlockList } from 'node:net';
import { embeddedIpv4, type IpAddress, type IpNetwork, parseNetwork } from './ip-address.js';

/** Addresses of one kind that no backend is expected at. */
export interface AddressClass {
  /** Refused for every backend, or only for those whose address is made of a route key. */
  readonly isAlwaysRefused: boolean;
  has(address: IpAddress): boolean;
  /** Whether the network is a part of the class, so that who lists it means the class and not merely more. */
  contains(network: IpNetwork): boolean;
}

/**
 * What is refused unless it is listed explicitly: what hands out credentials to whoever asks from inside, what is
 * only reached from the same link, and what only looks like a backend from inside the network.
 *
 * From the IANA special-purpose address registries (RFC 6890), and the cloud providers' documentation. Of an IPv6
 * address that embeds an IPv4 one, the embedded one counts too.
 */
export const addressClasses: readonly AddressClass[] = [
  // Cloud metadata: most clouds, Alibaba, Oracle, Azure's WireServer; AWS, Google, Oracle and Scaleway by IPv6.
  createClass(true, [
    '169.254.169.254',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    'fd00:ec2::/32',
    'fd20:ce::254',
    'fd00:c1::a9fe:a9fe',
    'fd00:42::42',
  ]),
  // Link-local, where the credentials of containers are handed out as well (169.254.170.2).
  createClass(true, ['169.254.0.0/16', 'fe80::/10']),
  // Loopback; a connection to "this host" (0.0.0.0, ::) ends there too.
  createClass(false, ['127.0.0.0/8', '0.0.0.0/8', '::/127']),
  // Private networks, shared ones of carriers and clouds, and what is reserved and used as if it were private.
  createClass(false, [
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '100.64.0.0/10',
    '192.0.0.0/24',
    '198.18.0.0/15',
    '240.0.0.0/4',
    'fc00::/7',
    'fec0::/10',
    // NAT64 with a prefix of the network's own (RFC 8215), which embeds addresses in ways that it alone knows.
    '64:ff9b:1::/48',
  ]),
];

/** Names of metadata services. Their addresses are refused as well, but a proxy that resolves them is not asked. */
export const metadataNames: ReadonlySet<string> = new Set([
  'metadata.google.internal',
  'metadata.goog',
  'metadata',
  'instance-data',
  'instance-data.ec2.internal',
  'metadata.tencentyun.com',
  'metadata.packet.net',
]);

/** Makes a list that tells whether an address is in one of the networks. */
export function createAddressList(networks: readonly IpNetwork[]): (address: IpAddress) => boolean {
  const list = new BlockList();
  for (const { text, prefix, family } of networks) list.addSubnet(text, prefix, family);
  return (address) => {
    const embedded = embeddedIpv4(address);
    if (embedded !== undefined && list.check(embedded.text, 'ipv4')) return true;
    return list.check(address.text, address.family);
  };
}

function createClass(isAlwaysRefused: boolean, texts: readonly string[]): AddressClass {
  const networks = texts.flatMap((text) => parseNetwork(text) ?? []);
  const parts = networks.map((network) => ({ network, has: createAddressList([network]) }));
  return {
    isAlwaysRefused,
    has: createAddressList(networks),
    contains: (inner) =>
      parts.some(
        ({ network: { family, prefix }, has }) =>
          inner.family === family && inner.prefix >= prefix && has(inner),
      ),
  };
}
