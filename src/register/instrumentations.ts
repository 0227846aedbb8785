import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { type Packages, withExports } from './packages.js';

const name = '@opentelemetry/auto-instrumentations-node';

type AutoInstrumentations = Pick<
  typeof import('@opentelemetry/auto-instrumentations-node'),
  'getNodeAutoInstrumentations'
>;

/** Registers a module customization hook, as `module.register` does. */
export type RegisterHook = (specifier: URL) => void;

/**
 * Starts every instrumentation of `@opentelemetry/auto-instrumentations-node`, for what is loaded from now on by
 * `require` and by `import`. `OTEL_NODE_ENABLED_INSTRUMENTATIONS` and `OTEL_NODE_DISABLED_INSTRUMENTATIONS` choose
 * among them; the package reads these itself, from `process.env`.
 *
 * Instrumentations take the registered provider as they are made, so it must be there.
 *
 * @returns whether the package is installed.
 */
export function startInstrumentations(packages: Packages, registerHook: RegisterHook): boolean {
  const path = packages.resolve(name);
  if (path === undefined) return false;
  // The hook of the very copy that the instrumentations use: another one would not tell them of any module.
  const hook = createRequire(path).resolve('@opentelemetry/instrumentation/hook.mjs');
  registerHook(pathToFileURL(hook));
  const loaded = withExports<AutoInstrumentations>(packages.load(name), [
    'getNodeAutoInstrumentations',
  ]);
  if (loaded === undefined) throw new Error(`${name} has no getNodeAutoInstrumentations`);
  loaded.getNodeAutoInstrumentations();
  return true;
}
