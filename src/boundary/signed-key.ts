import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { RefusalCause } from '../routing/registry.js';

/**
 * How long a signed key is good for, in seconds. It has to outlast what may lie between the caller's span and
 * the callee's (a connection that is slow to open, a retry, a queue in a proxy), and nothing more: 5 minutes.
 * Every service that passes the key on signs it afresh.
 */
const LIFETIME_S = 300;

/** How far the clocks of two services may be apart, in seconds. */
const CLOCK_SKEW_S = 60;

/**
 * `1.<key id>.<expiry>.<MAC>.<route key>`: the version, 48 bits in base64url, seconds since the epoch, 256 bits in
 * base64url. The route key stands last because it may hold dots; no other part can. Every part has one way
 * to be written, and the MAC is over the parts as they are written.
 */
const FORMAT =
  /^1\.([A-Za-z0-9_-]{8})\.([1-9]\d{9})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9][A-Za-z0-9._:/-]{0,127})$/;

/** The longest value that has the format. A longer one is not looked at. */
const MAX_LENGTH = 1 + 8 + 10 + 43 + 128 + 4;

/** What became of a signed key. */
export type Verification = { readonly key: string } | { readonly refused: RefusalCause };

/** Signs route keys for other services, and verifies theirs. */
export interface KeySigner {
  /** The signed form of a valid key, for one trace: at most 194 printable ASCII characters without a comma. */
  sign(key: string, traceId: string): string;
  /**
   * The key in a signed form, where that was made with a known secret, for this trace, and is not over.
   *
   * @param header - As a carrier has it: several values are an array, or joined by commas.
   */
  verify(header: unknown, traceId: string): Verification;
}

/** What a signer depends on. */
export interface KeySignerOptions {
  readonly secret: string;
  /** Verifies, and does not sign. */
  readonly previousSecret: string | undefined;
  /** Milliseconds since the epoch. */
  readonly epochMs: () => number;
}

/** Creates the signer of these secrets. */
export function createKeySigner({ secret, previousSecret, epochMs }: KeySignerOptions): KeySigner {
  const current = createKeyring(secret);
  const keyrings = [current];
  if (previousSecret !== undefined) keyrings.push(createKeyring(previousSecret));

  return {
    sign(key, traceId) {
      const expiry = String(Math.floor(epochMs() / 1000) + LIFETIME_S);
      return `1.${current.id}.${expiry}.${current.mac(key, expiry, traceId)}.${key}`;
    },

    verify(header, traceId) {
      const signed: unknown = Array.isArray(header) && header.length === 1 ? header[0] : header;
      if (Array.isArray(signed)) return { refused: 'duplicated' };
      if (typeof signed !== 'string') return { refused: 'malformed' };
      if (signed.length > MAX_LENGTH) return { refused: 'oversized' };
      if (signed.includes(',')) return { refused: 'duplicated' };
      const [, id, expiry, mac, key] = FORMAT.exec(signed) ?? [];
      if (mac === undefined || expiry === undefined || key === undefined) {
        return { refused: 'malformed' };
      }
      const keyring = keyrings.find((each) => each.id === id);
      if (keyring === undefined) return { refused: 'unknown_secret' };
      // As text, and not as bytes: the last character of base64url has bits that decoding passes over.
      const isGenuine = timingSafeEqual(
        Buffer.from(keyring.mac(key, expiry, traceId), 'latin1'),
        Buffer.from(mac, 'latin1'),
      );
      if (!isGenuine) return { refused: 'forged' };
      const leftS = Number(expiry) - epochMs() / 1000;
      if (leftS < -CLOCK_SKEW_S) return { refused: 'expired' };
      if (leftS > LIFETIME_S + CLOCK_SKEW_S) return { refused: 'premature' };
      return { key };
    },
  };
}

interface Keyring {
  readonly id: string;
  mac(key: string, expiry: string, traceId: string): string;
}

/** What one secret is used for. Nothing is signed with the secret itself, which may serve elsewhere too. */
function createKeyring(secret: string): Keyring {
  const derive = (use: string) =>
    createHmac('sha256', secret).update(`signalbox route key 1: ${use}`);
  const signingKey = createSecretKey(derive('signature').digest());
  const id = derive('key id').digest('base64url').slice(0, 8);
  return {
    id,
    mac(key, expiry, traceId) {
      // No part can hold a line break, so that no two headers have one text.
      const text = `1\n${id}\n${expiry}\n${traceId}\n${key}`;
      return createHmac('sha256', signingKey).update(text).digest('base64url');
    },
  };
}
