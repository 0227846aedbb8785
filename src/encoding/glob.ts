/** Creates the function that tells whether a name fits one of these, in which `*` is any run of characters. */
export function createGlobMatcher(globs: readonly string[]): (name: string) => boolean {
  const matchers = globs.map(matcherOf);
  return (name) => matchers.some((matches) => matches(name));
}

/** Without a regular expression: several `*` make one take long over names that nearly fit, and names may be data. */
function matcherOf(glob: string): (name: string) => boolean {
  const [prefix = '', ...rest] = glob.split('*');
  const suffix = rest.pop();
  if (suffix === undefined) return (name) => name === glob;
  return (name) => {
    if (!name.startsWith(prefix)) return false;
    let at = prefix.length;
    for (const part of rest) {
      const found = name.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return name.length - suffix.length >= at && name.endsWith(suffix);
  };
}
