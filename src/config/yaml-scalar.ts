import { type Document, Scalar } from 'yaml';
import { substitute } from './substitution.js';

/** A scalar after substitution: its text, and what YAML takes that text for. */
export interface ScalarValue {
  readonly text: string;
  readonly value: unknown;
}

/** Reads a scalar; `undefined` where it has a reference to a variable that can not be read. */
export type ScalarReader = (scalar: Scalar) => ScalarValue | undefined;

/**
 * Reads scalars with references to variables replaced. Types are resolved afterwards, so that `${PORT}` can be
 * a number and `"${PORT}"` is text; and only among scalars, so that no variable can bring in structure.
 */
export function createScalarReader(document: Document, env: NodeJS.ProcessEnv): ScalarReader {
  return (scalar) => {
    const { value, source, type } = scalar;
    // Whatever has a "$" in it YAML takes for text.
    if (typeof value !== 'string') return { text: source ?? String(value), value };
    const text = substitute(value, env);
    if (text === undefined) return undefined;
    const isPlain = type === Scalar.PLAIN && scalar.tag === undefined;
    return { text, value: isPlain && text !== value ? resolvePlain(text, document) : text };
  };
}

/** What the document's own schema takes an unquoted scalar for. */
function resolvePlain(text: string, { schema, options }: Document): unknown {
  for (const tag of schema.tags) {
    if (tag.collection || tag.default !== true || !tag.test?.test(text)) continue;
    const resolved = tag.resolve(text, () => {}, options);
    return resolved instanceof Scalar ? resolved.value : resolved;
  }
  return text;
}
