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
export type Configuration<T = ResolvedConfig> =
  | {
      readonly config: T;
      readonly routeFrom: RegisterOptions['routeFrom'];
      readonly statsPort: RegisterOptions['statsPort'];
      /** `undefined` where no route key is to go from service to service. */
      readonly propagation: ResolvedPropagation | undefined;
    }
  | { readonly error: ConfigError; readonly onError: RegisterOptions['onConfigError'] };

/** Reads the processor's configuration, the propagator's, and the variables of `signalbox/register`. */
export function readConfiguration(env: NodeJS.ProcessEnv): Configuration {
  return readConfigurationAs(resolveFromEnv, env);
}

/** As {@link readConfiguration}, with another reader of the processor's part. */
export function readConfigurationAs<T extends object>(
  read: (env: NodeJS.ProcessEnv) => T,
  env: NodeJS.ProcessEnv,
): Configuration<T> {
  const findings = createFindings();
  const { routeFrom, onConfigError: onError, statsPort } = readRegisterVariables(env, findings);
  const propagation = attempt(() =>
    isPropagationConfigured(env) ? propagationFromEnv(env) : undefined,
  );
  const config = attempt(() => read(env));
  const faults = [config, propagation].flatMap((each) =>
    each instanceof ConfigError ? each.problems : [],
  );
  const problems = [...faults, ...findings.problems];
  if (problems.length > 0 || config instanceof ConfigError || propagation instanceof ConfigError) {
    return { error: new ConfigError(problems), onError };
  }
  return { config, routeFrom, statsPort, propagation };
}

function attempt<T>(read: () => T): T | ConfigError {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}
