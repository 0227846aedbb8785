import type { Findings } from './findings.js';
import { parseRouteFrom, type RouteFrom } from './route-from.js';
import { registerSettings } from './schema.js';
import { parseInteger } from './text.js';
import { prefix } from './unknown-variables.js';

/** What only variables say, and only to `signalbox/register`. */
export interface RegisterOptions {
  /** Where a request's route key stands; `undefined` leaves it to the application. */
  readonly routeFrom: RouteFrom | undefined;
  readonly onConfigError: 'disable' | 'exit';
  /** The port of 127.0.0.1 that stats are served on; `undefined` serves none. */
  readonly statsPort: number | undefined;
}

/** Reads the variables of `signalbox/register`; what is wrong with them goes to the findings. */
export function readRegisterVariables(env: NodeJS.ProcessEnv, findings: Findings): RegisterOptions {
  return {
    routeFrom: readRouteFrom(env, findings),
    onConfigError: readOnConfigError(env, findings),
    statsPort: readStatsPort(env, findings),
  };
}

function readRouteFrom(env: NodeJS.ProcessEnv, findings: Findings): RouteFrom | undefined {
  const where = `${prefix}${registerSettings.routeFrom.variable}`;
  const text = env[where]?.trim();
  if (text === undefined) return undefined;
  const parsed = parseRouteFrom(text);
  if ('value' in parsed) return parsed.value;
  findings.problem(where, parsed.fault.what, parsed.fault.hint);
  return undefined;
}

function readOnConfigError(env: NodeJS.ProcessEnv, findings: Findings): 'disable' | 'exit' {
  const { variable, schema, fault, hint, default: fallback } = registerSettings.onConfigError;
  const where = `${prefix}${variable}`;
  const text = env[where]?.trim();
  if (text === undefined) return fallback;
  const result = schema.safeParse(text);
  if (result.success) return result.data;
  findings.problem(where, fault, hint);
  // To end an application takes a clear word.
  return fallback;
}

function readStatsPort(env: NodeJS.ProcessEnv, findings: Findings): number | undefined {
  const { variable, schema, fault, hint } = registerSettings.statsPort;
  const where = `${prefix}${variable}`;
  const text = env[where]?.trim();
  if (text === undefined) return undefined;
  const result = schema.safeParse(parseInteger(text));
  if (result.success) return result.data;
  findings.problem(where, fault, hint);
  return undefined;
}
