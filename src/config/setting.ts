import { z } from 'zod';

/**
 * All that is known of one setting. Reading variables, the file and code, the hints for typing errors and
 * the README's table are all derived from it.
 */
export interface Setting<T = unknown> {
  /**
   * Name of its variable after `SIGNALBOX_`, or after `SIGNALBOX_BACKEND_<NAME>_` for a backend's; in lower
   * case it is the key in the file. Absent for what only code can give.
   */
  readonly variable?: string;
  /** How the text of its variable, or its place in the file, is read. */
  readonly form:
    | 'text'
    | 'integer'
    | 'boolean'
    | 'names'
    | 'pairs'
    | 'limits'
    | 'routes'
    | 'groups'
    | 'byKey'
    | 'backends'
    | 'object';
  /** Its values, in a word or two, for tables. */
  readonly type: string;
  /** What is wrong with a value that `schema` refuses. */
  readonly fault: string;
  /** What would be right. */
  readonly hint: string;
  /** The same of one part of a compound value, such as a single header. */
  readonly part?: { readonly fault: string; readonly hint: string };
  /** What it does, in a sentence or two, for tables. */
  readonly description: string;
  readonly default?: string | number | boolean;
  /** Whether its value, or of a compound one the values of its parts, may be shown to nobody. */
  readonly isSecret?: boolean;
  /** OpenTelemetry's variables that count where it is left out, the more specific first. */
  readonly fallbacks?: readonly string[];
  readonly schema: z.ZodType<T>;
}

/** Longest delay that Node's timers take; a longer one would fire at once. */
const maxTimerMs = 2 ** 31 - 1;

interface IntegerOptions {
  readonly variable: string;
  readonly unit: 'milliseconds' | 'minutes' | 'bytes' | 'spans' | 'requests' | 'backends';
  readonly min?: 0 | 1;
  readonly fallbacks?: readonly string[];
  readonly description: string;
}

/** A whole number within what its unit allows. */
export function integer({ min = 1, unit, ...setting }: IntegerOptions): Setting<number> {
  const max = maxOf(unit);
  return {
    form: 'integer',
    type: unit,
    fault: 'is not a whole number in its range',
    hint: `give ${unit} as a plain number from ${min} to ${max}`,
    schema: z.int().min(min).max(max),
    ...setting,
  };
}

function maxOf(unit: IntegerOptions['unit']): number {
  if (unit === 'milliseconds') return maxTimerMs;
  if (unit === 'minutes') return Math.floor(maxTimerMs / 60_000);
  return Number.MAX_SAFE_INTEGER;
}

interface FlagOptions {
  readonly variable: string;
  readonly description: string;
}

/** Yes or no. */
export function flag(setting: FlagOptions): Setting<boolean> {
  return {
    form: 'boolean',
    type: '`true`, `false`',
    fault: 'is neither true nor false',
    hint: 'true or false',
    schema: z.boolean(),
    ...setting,
  };
}

interface ChoiceOptions<T extends string> {
  readonly variable: string;
  readonly values: readonly [T, ...T[]];
  readonly description: string;
  readonly hint?: string;
  readonly fallbacks?: readonly string[];
}

/** One of several words. */
export function choice<const T extends string>({
  values,
  ...setting
}: ChoiceOptions<T>): Setting<T> {
  return {
    form: 'text',
    type: values.map((value) => `\`${value}\``).join(', '),
    fault: 'is not one of its values',
    hint: `one of ${values.join(', ')}`,
    schema: z.enum(values),
    ...setting,
  };
}

interface TextOptions {
  readonly variable: string;
  readonly type: string;
  readonly hint: string;
  readonly description: string;
  readonly isSecret?: boolean;
  readonly schema?: z.ZodType<string>;
}

/** Text that is not empty. */
export function text(setting: TextOptions): Setting<string> {
  return {
    form: 'text',
    fault: 'is empty, or not text',
    schema: z.string().min(1),
    ...setting,
  };
}

/** Headers of requests. */
export function headers(description: string): Setting<Record<string, string>> {
  return {
    variable: 'HEADERS',
    form: 'pairs',
    type: '`name=value,...`',
    fault: 'is not a list of headers with text values',
    hint: 'name=value pairs, comma-separated and percent-encoded; in a file a mapping, as { x-team: ml }',
    part: { fault: 'is not text', hint: 'the value of one header, as text' },
    description,
    isSecret: true,
    schema: record(z.string()),
  };
}

/** The key that requests carry. */
export const apiKey: Setting<string> = text({
  variable: 'API_KEY',
  type: 'text',
  hint: 'the key itself, without "Bearer"',
  description: 'Sent as `Authorization: Bearer <key>`.',
  isSecret: true,
});

/** Names of attributes, with `*` for any run of characters. */
export function globs(setting: {
  readonly variable: string;
  readonly description: string;
}): Setting<string[]> {
  return {
    form: 'names',
    type: 'names with `*`',
    fault: 'is not a list of names',
    hint: 'names of attributes, such as db.*',
    part: { fault: 'is not a name', hint: 'the name of an attribute, or one with *' },
    schema: z.array(z.string().min(1)),
    ...setting,
  };
}

/** The setting with what counts where it is left out. */
export function withDefault<T, const D extends T & (string | number | boolean)>(
  value: D,
  setting: Setting<T>,
): Setting<T> & { readonly default: D } {
  return { ...setting, default: value };
}

/** Whether a value is an object that is no array. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Tells objects that have these methods: what comes from another copy of a package has another class. */
export function isObjectWith(...methods: readonly string[]): (value: unknown) => boolean {
  return (value) =>
    isObject(value) && methods.every((method) => typeof Reflect.get(value, method) === 'function');
}

/** Values of one kind by name. */
export function record<T>(values: z.ZodType<T>): z.ZodType<Record<string, T>> {
  // `z.record` passes over an own key `__proto__`; nothing that was set may be passed over.
  return z
    .custom<Record<string, unknown>>(
      (value) => isObject(value) && !Object.hasOwn(value, '__proto__'),
    )
    .pipe(z.record(z.string(), values));
}
