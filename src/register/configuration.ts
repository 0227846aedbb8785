import { resolveFromEnv } from '../config/env.js';
import { ConfigError } from '../config/error.js';
import { createFindings } from '../config/findings.js';
import {
  isPropagationConfigured,
  propagationFromEnv,
  type ResolvedPropagation,
} from '../config/propagation.js';
import { type RegisterOptions, readRegisterVariables } from '../config/register-variables.js';
import type { ResolvedConfig } from '../config/resolved.js';

/** What the environment says, or all that is wrong with it and what is to become of the application then. */
export type Configuration =
  | {
      readonly config: ResolvedConfig;
      readonly routeFrom: RegisterOptions['routeFrom'];
      /** `undefined` where no route key is to go from service to service. */
      readonly propagation: ResolvedPropagation | undefined;
    }
  | { readonly error: ConfigError; readonly onError: RegisterOptions['onConfigError'] };

/** Reads the processor's configuration, the propagator's, and the variables of `signalbox/register`. */
export function readConfiguration(env: NodeJS.ProcessEnv): Configuration {
  const findings = createFindings();
  const { routeFrom, onConfigError: onError } = readRegisterVariables(env, findings);
  const propagation = attempt(() =>
    isPropagationConfigured(env) ? propagationFromEnv(env) : undefined,
  );
  const config = attempt(() => resolveFromEnv(env));
  const faults = [config, propagation].flatMap((each) =>
    each instanceof ConfigError ? each.problems : [],
  );
  const problems = [...faults, ...findings.problems];
  if (problems.length > 0 || config instanceof ConfigError || propagation instanceof ConfigError) {
    return { error: new ConfigError(problems), onError };
  }
  return { config, routeFrom, propagation };
}

function attempt<T>(read: () => T): T | ConfigError {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}
