import { type Document, Scalar } from 'yaml';
import { type Fault, shown } from './findings.js';
import { missingReference, substitute } from './substitution.js';

/** A scalar after substitution: its text, and what YAML takes that text for. */
export interface ScalarValue {
  readonly text: string;
  readonly value: unknown;
}

/** Reads a scalar, or says what is wrong with its references to variables. */
export type ScalarReader = (scalar: Scalar) => ScalarValue | { readonly fault: Fault };

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
    if (text === undefined) return { fault: badReference };
    const missing = text === '' ? missingReference(value, env) : undefined;
    if (missing !== undefined) return { fault: faultOfMissing(missing, env) };
    const isPlain = type === Scalar.PLAIN && scalar.tag === undefined;
    return { text, value: isPlain && text !== value ? resolvePlain(text, document) : text };
  };
}

const badReference: Fault = {
  what: 'has a reference that can not be read',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it shows the form of a reference.
  hint: '${NAME}, ${env:NAME} or ${NAME:-default}; a plain $ before { is $$',
};

function faultOfMissing(name: string, env: NodeJS.ProcessEnv): Fault {
  const state = env[name] === undefined ? 'not set' : 'empty';
  return {
    what: `refers to ${shown(name)}, which is ${state}`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it shows the form of a reference.
    hint: 'set the variable, or give a default as in ${NAME:-default}',
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
