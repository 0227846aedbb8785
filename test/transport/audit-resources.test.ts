import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAuditResources } from '../../src/index.js';

const project = { type: 'project', id: 'b1a9', name: 'checkout' };

describe('parseAuditResources', () => {
  it('decodes what a backend says that a request has touched', () => {
    const dataset = { type: 'dataset', id: '7', name: 'Ünïcode, "quoted"' };
    expect(parseAuditResources(encode([project, dataset]))).toEqual([project, dataset]);
    expect(parseAuditResources(` ${encode([])} `)).toEqual([]);
  });

  it('leaves out what it does not know', () => {
    expect(parseAuditResources(encode([{ ...project, secret: 'x' }]))).toEqual([project]);
  });

  it.each<[what: string, header: string, says: string]>([
    ['nothing', '', 'is not base64'],
    ['base64 with a comma', 'abcd,abcd', 'is not base64'],
    ['base64 that is cut off', 'abcde', 'is not base64'],
    ['no gzip', Buffer.from('[]').toString('base64'), 'is not gzip'],
    ['gzip that is cut off', gzipSync('[]').subarray(0, 12).toString('base64'), 'is not gzip'],
    ['gzip of much', gzip(' '.repeat(4 * 1024 * 1024 + 1)), 'inflates to over 4194304 bytes'],
    ['no JSON', gzip('{'), 'is no JSON'],
    ['no UTF-8', gzipSync(Uint8Array.of(0x22, 0xff, 0x22)).toString('base64'), 'is no JSON'],
    ['an object', encode({}), 'is no list of resources'],
    ['a resource without an id', encode([{ type: 'project', name: 'x' }]), 'is no list'],
    ['a resource whose name is a number', encode([{ ...project, name: 7 }]), 'is no list'],
  ])('says what is wrong with %s', (_, header, says) => {
    expect(() => parseAuditResources(header)).toThrow(`x-bt-audit-resources ${says}`);
  });

  it('shows nothing of a header that it can not read', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const secret = `hunter2-${text}`;
        for (const header of [secret, gzip(secret), encode([secret])]) {
          const thrown = faultOf(header);
          expect(thrown).toBeDefined();
          expect(`${thrown?.stack} ${String(thrown?.cause)}`).not.toContain('hunter2');
        }
      }),
    );
  });
});

function faultOf(header: string): Error | undefined {
  try {
    parseAuditResources(header);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : undefined;
  }
}

function encode(value: unknown): string {
  return gzip(JSON.stringify(value));
}

function gzip(text: string): string {
  return gzipSync(text).toString('base64');
}
