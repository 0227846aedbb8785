import { describe, expect, it } from 'vitest';
import { createHostGuard } from '../../src/config/host-guard.js';

/** Whether a URL may be sent to: its host as written, and where that is a name, what it resolves to. */
function guardOf(allowed: readonly string[] | undefined, refusePrivate = false) {
  const guard = createHostGuard({ allowed, refusePrivate });
  return {
    url: (url: string, isResolvedHere = true) =>
      guard.fault(new URL(url).hostname, isResolvedHere) === undefined,
    address: (host: string, address: string) => guard.allowsAddress(host, address),
  };
}

const metadata = [
  '169.254.169.254',
  '169.254.170.2',
  '169.254.0.1',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  'fe80::1',
  'febf:ffff::1',
  'fe80::1%eth0',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '::a9fe:a9fe',
  '::ffff:0:169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b::169.254.169.254',
  '2002:a9fe:a9fe::1',
];

const loopbackAndPrivate = [
  '127.0.0.1',
  '127.255.255.254',
  '0.0.0.0',
  '0.1.2.3',
  '::',
  '::1',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '198.18.0.1',
  '240.0.0.1',
  '255.255.255.255',
  'fc00::1',
  'fd12:3456::1',
  'fec0::1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '64:ff9b::10.0.0.1',
  '64:ff9b:1::1',
  '2002:a00:1::',
];

const publicAddresses = [
  '203.0.113.7',
  '172.32.0.1',
  '172.15.255.255',
  '100.128.0.1',
  '8.8.8.8',
  '2001:db8::1',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
  'fec:1::1',
];

const asUrl = (address: string) =>
  `https://${address.includes(':') ? `[${address}]` : address}:4318/v1/traces`;

describe('without a list', () => {
  const open = guardOf(undefined);
  const strict = guardOf(undefined, true);

  it.each(metadata)('%s is refused, for every backend', (address) => {
    expect(open.address('rebind.example', address)).toBe(false);
    expect(strict.address('rebind.example', address)).toBe(false);
    // A zone has no place in a URL.
    if (!address.includes('%')) expect(open.url(asUrl(address))).toBe(false);
  });

  it.each(loopbackAndPrivate)('%s is refused where private addresses are', (address) => {
    expect(open.address('internal.example', address)).toBe(true);
    expect(open.url(asUrl(address))).toBe(true);
    expect(strict.address('internal.example', address)).toBe(false);
    expect(strict.url(asUrl(address))).toBe(false);
  });

  it.each(publicAddresses)('%s is allowed', (address) => {
    expect(strict.address('public.example', address)).toBe(true);
    expect(strict.url(asUrl(address))).toBe(true);
  });

  it.each([
    'http://0xa9fea9fe/',
    'http://2852039166/',
    'http://0251.0376.0251.0376/',
    'http://169.254.43518/',
    'http://169.254.169.254./',
    'http://%31%36%39.254.169.254/',
    'http://１６９.254.169.254/',
    'http://[0:0:0:0:0:ffff:a9fe:a9fe]/',
    'http://[::FFFF:169.254.169.254]/',
    'http://metadata.google.internal/',
    'http://METADATA.Google.Internal./',
    'http://metadata/',
  ])('%s is refused', (url) => {
    expect(open.url(url)).toBe(false);
    expect(open.url(url, false)).toBe(false);
  });

  it.each(['http://localhost/', 'http://LOCALHOST./', 'http://a.localhost/', 'http://127.1/'])(
    '%s is refused where private addresses are',
    (url) => {
      expect(open.url(url)).toBe(true);
      expect(strict.url(url)).toBe(false);
    },
  );

  it('what is no address is not connected to', () => {
    for (const text of ['', 'localhost', '1.2.3', '0x7f.1', '1.2.3.4.5', ':::', 'fe80::1::']) {
      expect(open.address('public.example', text)).toBe(false);
    }
  });
});

describe('a listed name', () => {
  it('is allowed in any spelling of it, and no other is', () => {
    const { url } = guardOf(['Otlp.Example.com.', 'bücher.example', 'a_b']);
    for (const host of ['otlp.example.com', 'OTLP.EXAMPLE.COM.', 'xn--bcher-kva.example', 'a_b']) {
      expect(url(`https://${host}/`)).toBe(true);
    }
    expect(url('https://BÜCHER.example/')).toBe(true);
    for (const host of ['example.com', 'x.otlp.example.com', 'otlp.example.com.evil.example']) {
      expect(url(`https://${host}/`)).toBe(false);
    }
  });

  it('may stand for every name below a suffix, at any depth, and not for the suffix', () => {
    const { url } = guardOf(['*.Data.example']);
    expect(url('https://eu.data.example/')).toBe(true);
    expect(url('https://a.b.c.data.example./')).toBe(true);
    for (const host of ['data.example', 'xdata.example', 'eu.data.example.evil', '.data.example']) {
      expect(url(`https://${host}/`)).toBe(false);
    }
  });

  it('may have any address but a refused one', () => {
    const { address } = guardOf(['otlp.example.com']);
    expect(address('otlp.example.com', '203.0.113.7')).toBe(true);
    expect(address('otlp.example.com', '10.0.0.1')).toBe(true);
    expect(address('otlp.example.com', '169.254.169.254')).toBe(false);
    expect(address('other.example.com', '203.0.113.7')).toBe(false);
    const strict = guardOf(['otlp.example.com'], true);
    expect(strict.address('otlp.example.com', '203.0.113.7')).toBe(true);
    expect(strict.address('otlp.example.com', '10.0.0.1')).toBe(false);
  });

  it.each(['*.localhost', 'localhost', 'acme.localhost'])(
    'as %s means the loopback host, whose addresses are still to be listed',
    (entry) => {
      const host = 'acme.localhost';
      const named = guardOf([entry], true);
      expect(named.address(host, '127.0.0.1')).toBe(false);
      const listed = guardOf([entry, '127.0.0.0/8', '::1'], true);
      expect(listed.url(`http://${host}:4318/`)).toBe(true);
      expect(listed.url(`http://${host.toUpperCase()}.:4318/`)).toBe(true);
      expect(listed.address(host, '127.0.0.1')).toBe(true);
      expect(listed.address(host, '::1')).toBe(true);
      expect(listed.address(host, '10.0.0.1')).toBe(false);
    },
  );

  it('beside localhost does not allow it', () => {
    const { url } = guardOf(['*.data.example', 'xlocalhost', '127.0.0.0/8'], true);
    expect(url('http://acme.localhost/')).toBe(false);
    expect(url('http://localhost/')).toBe(false);
    expect(guardOf(['*.localhost', '127.0.0.0/8'], true).url('http://localhost/')).toBe(false);
  });

  it('of a metadata service is allowed when it is listed itself, and so is its address', () => {
    const host = 'metadata.google.internal';
    expect(guardOf(['*.internal']).url(`http://${host}/`)).toBe(false);
    expect(guardOf([host]).url(`http://${host}/`)).toBe(true);
    expect(guardOf([host]).address(host, '169.254.169.254')).toBe(false);
    expect(guardOf([host, '169.254.169.254']).address(host, '169.254.169.254')).toBe(true);
  });

  it('is no address, whatever it looks like', () => {
    const { url } = guardOf(['*.0.0.1', '127.0.0.1.nip.example']);
    expect(url('http://10.0.0.1/')).toBe(false);
    expect(url('http://127.0.0.1/')).toBe(false);
    expect(url('http://127.0.0.1.nip.example/')).toBe(true);
  });
});

describe('a listed network', () => {
  it('allows its addresses, in a URL and behind a name', () => {
    const { url, address } = guardOf([
      '203.0.113.0/24',
      '2001:db8::/32',
      '192.0.2.7',
      '[2001:2::1]',
    ]);
    for (const allowed of ['203.0.113.9', '2001:db8:1::1', '192.0.2.7', '2001:2::1']) {
      expect(url(asUrl(allowed))).toBe(true);
      expect(address('any.example', allowed)).toBe(true);
    }
    for (const other of ['203.0.114.1', '2001:db9::1', '192.0.2.8', '2001:2::2']) {
      expect(url(asUrl(other))).toBe(false);
      expect(address('any.example', other)).toBe(false);
    }
  });

  it('leaves a name to what it is resolved to, where that is seen', () => {
    const { url } = guardOf(['203.0.113.0/24']);
    expect(url('https://otlp.example.com/')).toBe(true);
    expect(url('https://otlp.example.com/', false)).toBe(false);
  });

  it('is that of the IPv4 address which an IPv6 one maps, or is translated to', () => {
    const { address } = guardOf(['203.0.113.0/24']);
    expect(address('any.example', '::ffff:203.0.113.9')).toBe(true);
    expect(address('any.example', '64:ff9b::203.0.113.9')).toBe(true);
    expect(address('any.example', '64:ff9b::203.0.114.9')).toBe(false);
    expect(guardOf(['::ffff:203.0.113.0/120']).address('any.example', '203.0.113.9')).toBe(true);
    expect(guardOf(['::ffff:203.0.113.0/120']).address('any.example', '203.0.114.9')).toBe(false);
  });

  it('allows what is refused only where it lies within the kind', () => {
    for (const wide of ['0.0.0.0/0', '128.0.0.0/1', '169.0.0.0/8']) {
      expect(guardOf([wide]).address('any.example', '169.254.7.7')).toBe(false);
      expect(guardOf([wide]).url('http://169.254.7.7/')).toBe(false);
    }
    expect(guardOf(['169.254.7.0/24']).url('http://169.254.7.7/')).toBe(true);
    // Metadata is a kind of its own.
    expect(guardOf(['169.254.0.0/16']).url('http://169.254.169.254/')).toBe(false);
    expect(guardOf(['169.254.169.254']).url('http://169.254.169.254/')).toBe(true);
    expect(guardOf(['100.64.0.0/10']).url('http://100.100.100.200/')).toBe(false);
    expect(guardOf(['fd00::/8']).url('http://[fd00:ec2::254]/')).toBe(false);
    expect(guardOf(['fd00:ec2::254']).url('http://[fd00:ec2::254]/')).toBe(true);
    expect(guardOf(['::/0']).url('http://[fe80::1]/')).toBe(false);
    expect(guardOf(['fe80::/64']).url('http://[fe80::1]/')).toBe(true);
  });

  it('allows private addresses where these are refused, by the same rule', () => {
    expect(guardOf(['0.0.0.0/0'], true).url('http://10.1.2.3/')).toBe(false);
    expect(guardOf(['0.0.0.0/0'], true).url('http://203.0.113.7/')).toBe(true);
    const { url, address } = guardOf(['*.data.example', '10.1.0.0/16', '127.0.0.1', '::1'], true);
    expect(url('http://10.1.2.3/')).toBe(true);
    expect(url('http://10.2.2.3/')).toBe(false);
    expect(url('http://127.0.0.1/')).toBe(true);
    expect(url('http://127.0.0.2/')).toBe(false);
    expect(url('http://[::1]/')).toBe(true);
    expect(address('acme.data.example', '10.1.2.3')).toBe(true);
    expect(address('acme.data.example', '10.2.2.3')).toBe(false);
    expect(address('acme.data.example', '203.0.113.7')).toBe(true);
  });
});

it('an empty list allows nothing', () => {
  const { url, address } = guardOf([]);
  expect(url('https://otlp.example.com/')).toBe(false);
  expect(url('https://203.0.113.7/')).toBe(false);
  expect(address('otlp.example.com', '203.0.113.7')).toBe(false);
});
