import { type AttributeRule, type FindRule, NO_RULE } from './attribute-rules.js';
import { createBoundedCache, MAX_KEY_LENGTH } from './bounded-cache.js';
import { type Write, writeApart } from './chunks.js';
import { createWords, type Words } from './words.js';

/** How many keys are kept encoded. */
const MAX_KEYS = 4096;

/** An attribute's key, as all that comes before the attribute's value. */
export class EncodedKey implements Words {
  readonly name: string;
  readonly words: Int32Array;
  readonly size: number;
  /** What becomes of attributes of this name; `undefined` where they are written as they are. */
  readonly rule: AttributeRule | undefined;
  /** Whether the collection keeps it, so that others may lead to it: else these would keep it. */
  readonly isKept: boolean;
  /** Whether its last text, of those that were long enough to be asked, was ASCII: the next one will be, too. */
  isAscii = true;
  /** The key that was asked for after this one, the last time; at first this one. */
  next: EncodedKey;

  constructor(write: Write<string>, name: string, rule?: AttributeRule) {
    const { words, size } = createWords(writeApart(write, name));
    this.name = name;
    this.words = words;
    this.size = size;
    this.rule = rule;
    this.isKept = name.length <= MAX_KEY_LENGTH;
    this.next = this;
  }
}

/**
 * Encoded keys, each encoded once.
 *
 * Attributes come in the same order again and again, as the code sets them: so the `next` of the `last` key
 * is tried before a key is looked up, which takes 5 % off a span's encoding.
 */
export interface Keys {
  /** The key that was asked for last. */
  last: EncodedKey;
  find(name: string): EncodedKey;
}

/** Creates an empty collection of keys as `write` writes them, each with its rule. */
export function createKeys(write: Write<string>, findRule: FindRule = NO_RULE): Keys {
  return {
    last: new EncodedKey(write, ''),
    find: createBoundedCache(MAX_KEYS, (name) => new EncodedKey(write, name, findRule(name))),
  };
}
