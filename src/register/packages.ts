import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The packages that can be loaded from some places, the first that has one counting. */
export interface Packages {
  /** The path of a module; `undefined` where it is not installed. */
  resolve(name: string): string | undefined;
  /**
   * A module's exports; `undefined` where it is not installed.
   *
   * @throws what the module throws as it loads.
   */
  load(name: string): unknown;
  /** The same, with a place that comes first: a package's own dependencies are those of its version. */
  within(path: string | undefined): Packages;
}

/**
 * The packages of the application, then those beside signalbox. At once, and not by `import()`: what is loaded
 * here has to be in place before the application's first line.
 *
 * @param script - The application's main module, where there is one: `process.argv[1]`.
 * @param folder - The working directory: for `node --eval`, and for tools that are installed elsewhere.
 */
export function applicationPackages(script: string | undefined, folder: string): Packages {
  const places = [join(folder, 'index.js'), import.meta.url];
  return createPackages(script === undefined ? places : [script, ...places]);
}

function createPackages(places: readonly string[]): Packages {
  function resolve(name: string): string | undefined {
    for (const place of places) {
      try {
        return createRequire(place).resolve(name);
      } catch {
        // Not installed there, or no place at all (`process.argv[1]` may be anything): the next one is asked.
      }
    }
    return undefined;
  }
  return {
    resolve,
    load(name) {
      const path = resolve(name);
      return path === undefined ? undefined : createRequire(path)(path);
    },
    within: (path) =>
      path === undefined ? createPackages(places) : createPackages([path, ...places]),
  };
}

/**
 * Takes a module for what it should be if it exports all these names; `undefined` where it does not, as in another
 * major version of it.
 */
export function withExports<T extends object>(
  loaded: unknown,
  names: readonly (keyof T & string)[],
): T | undefined {
  if (typeof loaded !== 'object' || loaded === null) return undefined;
  return names.every((name) => Reflect.has(loaded, name)) ? (loaded as T) : undefined;
}
