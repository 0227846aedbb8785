/**
 * Replaces references to environment variables as OpenTelemetry's declarative configuration does
 * ("Environment variable substitution" of its data model): `${NAME}`, `${env:NAME}`, `${NAME:-default}`, with
 * `$$` for a plain `$`. What is not set, or empty, without a default becomes empty. What is put in is not
 * looked at again.
 *
 * @returns `undefined` where a reference has another form; the specification refuses such a file.
 */
export function substitute(text: string, env: NodeJS.ProcessEnv): string | undefined {
  let valid = true;
  const chunks = text.split('$$').map((chunk) =>
    chunk.replace(/\$\{([^}]*)\}/g, (_, reference: string) => {
      const [, name, fallback = ''] = referenceForm.exec(reference) ?? [];
      if (name === undefined) valid = false;
      return (name && env[name]) || fallback;
    }),
  );
  return valid ? chunks.join('$') : undefined;
}

/** The first variable that a text refers to without a default, and that is not set or empty. */
export function missingReference(text: string, env: NodeJS.ProcessEnv): string | undefined {
  for (const chunk of text.split('$$')) {
    for (const [, reference = ''] of chunk.matchAll(/\$\{([^}]*)\}/g)) {
      const [, name, fallback] = referenceForm.exec(reference) ?? [];
      if (name && !env[name] && fallback === undefined) return name;
    }
  }
  return undefined;
}

const referenceForm = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^\n]*))?$/;
