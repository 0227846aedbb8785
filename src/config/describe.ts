import { load } from './env.js';
import type { Where } from './findings.js';
import { type Entry, type Layer, whereIn } from './layer.js';
import { maskValue, type ShownValue } from './mask.js';
import { monitoringSettings } from './monitoring-settings.js';
import { propagationSettings } from './propagation-settings.js';
import type { ResolvedConfig } from './resolved.js';
import { backendSettings, processSettings, registerSettings, type Setting } from './schema.js';
import { prefix } from './unknown-variables.js';

/** Where the value of a setting comes from. */
export type Origin =
  | {
      readonly kind: 'variable' | 'file';
      /** The variable's name, or `file:line path`. */
      readonly where: string;
    }
  | { readonly kind: 'default' }
  /** There is no value, and no default. */
  | { readonly kind: 'unset' };

/** One setting as it counts, without secrets. */
export interface DescribedSetting {
  /** Its key in code. */
  readonly key: string;
  /** Its key in the file. */
  readonly name: string;
  /** Its values, in a word or two; of a number its unit. */
  readonly type: string;
  readonly value: ShownValue | undefined;
  readonly origin: Origin;
}

/** A configuration, and where each value of it comes from. */
export interface ConfigDescription {
  readonly resolved: ResolvedConfig;
  /** What was configured for signalbox itself: secrets included, defaults and OpenTelemetry's variables not. */
  readonly given: Layer;
  /** Where a setting stands, or would. */
  readonly where: Where;
  /** Those of the whole processor, but for backends and routes. */
  readonly settings: readonly DescribedSetting[];
  /** By the backend's name. */
  readonly backends: ReadonlyMap<string, readonly DescribedSetting[]>;
  /** Those of every backend that is made for a key; `undefined` without a template. */
  readonly template: readonly DescribedSetting[] | undefined;
  /** Those of monitoring; `undefined` without any. */
  readonly monitoring: readonly DescribedSetting[] | undefined;
  /** Where the routes stand, by key; `undefined` where each backend's own name is its key. */
  readonly routes: ReadonlyMap<string, Origin> | undefined;
  /** What `signalbox/register` and the propagator read, from variables alone. */
  readonly variables: readonly DescribedSetting[];
}

/**
 * What {@link loadConfig} finds, with the place of every value. Which settings there are is the schema's to say.
 *
 * @param env - Where the variables are.
 * @throws {@link ConfigError} naming every problem at once.
 */
export function describeConfig(env: NodeJS.ProcessEnv): ConfigDescription {
  const { config, resolved, layer, given } = load(env);
  const describe = (
    settings: Readonly<Record<string, Setting>>,
    found: ReadonlyMap<string, Entry>,
    checked: object,
    complete: object | undefined,
  ): DescribedSetting[] =>
    Object.entries(settings).flatMap(([key, setting]) => {
      // What only code can give is in no environment.
      if (setting.variable === undefined || isCompoundOfBackends(setting)) return [];
      const origin = originOf(found.get(key)?.where, setting, env);
      const value = scalarOf(complete, key) ?? Reflect.get(checked, key) ?? setting.default;
      return [describeSetting(key, setting, origin.kind === 'unset' ? undefined : value, origin)];
    });

  const where = whereIn(layer);
  return {
    resolved,
    given,
    where,
    settings: describe(processSettings, layer.settings, config, resolved),
    backends: new Map(
      Array.from(layer.backends, ([name, { settings }]) => {
        const checked = config.backends[name] ?? {};
        return [name, describe(backendSettings, settings, checked, resolved.backends.get(name))];
      }),
    ),
    template:
      layer.template &&
      describe(
        backendSettings,
        layer.template.settings,
        config.template ?? {},
        templateOf(resolved),
      ),
    monitoring:
      layer.monitoring &&
      describe(
        monitoringSettings,
        layer.monitoring.settings,
        config.monitoring ?? {},
        resolved.monitoring,
      ),
    routes: layer.settings.has('routes')
      ? new Map(Array.from(resolved.routes.keys(), (key) => [key, placeOf(where(['routes', key]))]))
      : undefined,
    variables: describeVariables({ ...propagationSettings, ...registerSettings }, env),
  };
}

/** The template, complete; from the environment there is no other source of backends. */
function templateOf({ dynamic }: ResolvedConfig): object | undefined {
  return typeof dynamic?.source === 'object' ? dynamic.source : undefined;
}

/** Those variables that are read beside the configuration, as they are set. */
function describeVariables(
  settings: Readonly<Record<string, Setting>>,
  env: NodeJS.ProcessEnv,
): DescribedSetting[] {
  return Object.entries(settings).flatMap(([key, setting]) => {
    if (setting.variable === undefined) return [];
    const variable = prefix + setting.variable;
    const text = env[variable]?.trim();
    const origin = originOf(text === undefined ? undefined : variable, setting, env);
    return [describeSetting(key, setting, text ?? setting.default, origin)];
  });
}

function describeSetting(
  key: string,
  setting: Setting,
  value: unknown,
  origin: Origin,
): DescribedSetting {
  const { variable = key, type } = setting;
  return {
    key,
    name: variable.toLowerCase(),
    type,
    value: value === undefined ? undefined : maskValue(value, setting),
    origin,
  };
}

/** The backends have a description each, and the routes have places of their own. */
function isCompoundOfBackends({ form }: Setting): boolean {
  return form === 'backends' || form === 'routes';
}

/** What completing a configuration has made of a setting, where that is one value of the same name. */
function scalarOf(
  complete: object | undefined,
  key: string,
): string | number | boolean | undefined {
  const value: unknown = complete === undefined ? undefined : Reflect.get(complete, key);
  return ['string', 'number', 'boolean'].includes(typeof value)
    ? (value as string | number | boolean)
    : undefined;
}

function originOf(where: string | undefined, setting: Setting, env: NodeJS.ProcessEnv): Origin {
  if (where === undefined) {
    return { kind: setting.default === undefined ? 'unset' : 'default' };
  }
  const origin = placeOf(where);
  // Where one exporter is dropped in for another, a variable's name stands for its default too.
  const isDefault = origin.kind === 'variable' && env[where] === undefined;
  return isDefault ? { kind: 'default' } : origin;
}

/** A place in a file has a line; a variable's name has no colon. */
function placeOf(where: string): Origin {
  return { kind: where.includes(':') ? 'file' : 'variable', where };
}
