import { expect, it } from 'vitest';
import { fixture, startNode } from './child.js';

/** Bytes of each request that were tenured, although it was over soon. */
async function tenured(mode: 'noop' | 'keyed' | 'parked'): Promise<number> {
  const flags = ['--expose-gc', '--no-allocation-site-pretenuring'];
  const child = startNode([...flags, fixture('young-requests.mjs'), mode]);
  return Number(await child.receive());
}

// Later versions of V8 promote by other rules, of which one run of this tells too little.
const isMeasurable = process.versions.node.startsWith('20.');

it.runIf(isMeasurable).each(['keyed', 'parked'] as const)(
  'lets what a %s request was made of die young',
  async (mode) => {
    const own = (await tenured(mode)) - (await tenured('noop'));
    // The spans of one request take some 4,000.
    expect(own).toBeLessThan(400);
  },
);
