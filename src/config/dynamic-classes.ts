import { ConfigError } from './error.js';
import type { Backend, DynamicConfig, Residency, Route } from './resolved.js';

/**
 * Has what is found for a key be of the class that the key requires: anything else is no valid answer.
 *
 * @param routes - Keys that are never looked up.
 */
export function withRequiredClasses(
  dynamic: DynamicConfig,
  { required }: Pick<Residency, 'required'>,
  routes: ReadonlyMap<string, Route>,
): DynamicConfig {
  const classes = new Map(Array.from(required).filter(([key]) => !routes.has(key)));
  if (classes.size === 0) return dynamic;
  const { lookUp } = dynamic;
  return Object.freeze({
    ...dynamic,
    classes,
    lookUp(key: string) {
      const expected = classes.get(key);
      const answer = lookUp(key);
      if (expected === undefined) return answer;
      const check = (backend: Backend | undefined) => checkClass(backend, expected);
      return answer instanceof Promise ? answer.then(check) : check(answer);
    },
  });
}

function checkClass(backend: Backend | undefined, expected: string): Backend | undefined {
  if (backend === undefined || backend.class === expected) return backend;
  const problem = {
    where: 'resolveBackend.class',
    what: `is not ${expected}, which the key requires`,
    hint: `a backend of the class ${expected}, or undefined`,
  };
  throw new ConfigError([problem]);
}
