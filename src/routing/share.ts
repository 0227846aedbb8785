import { WHOLE_SHARE } from '../config/route-targets.js';

/**
 * Creates the function that places the traces of one route key evenly on a line of 1,000,000 points, on which shares are
 * laid out: a number from 0 up to, and without, that.
 *
 * It is MurmurHash3 (x86, 32 bits) over the key and the whole trace id, characters for blocks. So it does not depend on
 * the sampler, which decides by bits of the id that are a part of what is hashed; it is the same in every process, and
 * stays so in later versions: services that are updated one by one must agree.
 */
export function createTracePlace(routeKey: string): (traceId: string) => number {
  const seed = mixText(0, `${routeKey}\n`);
  return (traceId) => {
    const hash = finish(mixText(seed, traceId), routeKey.length + traceId.length);
    return Math.floor((hash / 2 ** 32) * WHOLE_SHARE);
  };
}

function mixText(seed: number, text: string): number {
  let hash = seed;
  for (let index = 0; index < text.length; index += 1) {
    let block = Math.imul(text.charCodeAt(index), 0xcc9e2d51);
    block = Math.imul((block << 15) | (block >>> 17), 0x1b873593);
    hash ^= block;
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  return hash;
}

function finish(mixed: number, length: number): number {
  let hash = mixed ^ length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
