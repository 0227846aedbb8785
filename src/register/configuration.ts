import { resolveFromEnv } from '../config/env.js';
import { ConfigError } from '../config/error.js';
import { createFindings } from '../config/findings.js';
import { type RegisterOptions, readRegisterVariables } from '../config/register-variables.js';
import type { ResolvedConfig } from '../config/resolved.js';

/** What the environment says, or all that is wrong with it and what is to become of the application then. */
export type Configuration =
  | { readonly config: ResolvedConfig; readonly routeFrom: RegisterOptions['routeFrom'] }
  | { readonly error: ConfigError; readonly onError: RegisterOptions['onConfigError'] };

/** Reads the processor's configuration and the variables of `signalbox/register`. */
export function readConfiguration(env: NodeJS.ProcessEnv): Configuration {
  const findings = createFindings();
  const { routeFrom, onConfigError: onError } = readRegisterVariables(env, findings);
  try {
    const config = resolveFromEnv(env);
    if (findings.problems.length === 0) return { config, routeFrom };
    return { error: new ConfigError(findings.problems), onError };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { error: new ConfigError([...error.problems, ...findings.problems]), onError };
  }
}
