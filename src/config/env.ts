import { emit } from '../accounting/log.js';
import { checkConfig } from './check.js';
import { readDropIn } from './drop-in.js';
import { ConfigError } from './error.js';
import { readConfigText } from './file.js';
import { createFindings, type Findings, shownPath } from './findings.js';
import { configOf, createLayer, type Layer, mergeLayers, whereIn } from './layer.js';
import { addFallbacks, addServiceName } from './otel-variables.js';
import { addProxies } from './proxy.js';
import { resolveWith, system } from './resolve.js';
import type { ResolvedConfig } from './resolved.js';
import { configFileSetting, type SignalboxConfig } from './schema.js';
import { readVariables } from './variables.js';

/**
 * The configuration that `RoutingSpanProcessor.fromEnv` would use, as an object that can be changed and handed
 * to `new RoutingSpanProcessor`: `SIGNALBOX_*`, the file that `SIGNALBOX_CONFIG_FILE` names, and what falls back to
 * OpenTelemetry's variables. It holds secrets.
 *
 * Where the file and a variable give the same setting, the variable counts, each setting by itself (headers and
 * routes as a whole). The backends are those of the file and of `SIGNALBOX_BACKENDS` together.
 *
 * @param env where the variables are; `process.env` by default.
 * @param warn is told of what is no problem but deserves a word; OpenTelemetry's `diag` by default.
 * @throws {ConfigError} naming every problem at once.
 */
export function loadConfig(
  env?: NodeJS.ProcessEnv,
  warn: (message: string) => void = (message) => emit('warn', message),
): SignalboxConfig {
  const { config, resolved } = load(env);
  for (const warning of resolved.warnings) warn(warning);
  return config;
}

/**
 * As {@link loadConfig}, checked and complete; each file is read once.
 *
 * @throws {ConfigError} naming every problem at once.
 */
export function resolveFromEnv(env?: NodeJS.ProcessEnv): ResolvedConfig {
  return load(env).resolved;
}

/** What the environment, and the file that it names, come to. */
export interface Loaded {
  readonly config: SignalboxConfig;
  readonly resolved: ResolvedConfig;
  /** Every setting that was found, and where. */
  readonly layer: Layer;
  /** The same without what falls back to variables that are not signalbox's. */
  readonly given: Layer;
}

/**
 * Reads and checks all of it, each file once.
 *
 * @throws {ConfigError} naming every problem at once.
 */
export function load(env: NodeJS.ProcessEnv = process.env): Loaded {
  const findings = createFindings();
  const file = readFileLayer(env, findings);
  const variables = readVariables(env, file?.backends.keys(), findings);
  // Without the file nobody knows what the rest of the configuration would be.
  if (file === undefined) throw new ConfigError(findings.problems);
  let given = mergeLayers(file, variables);
  const namesBackends =
    env.SIGNALBOX_BACKENDS !== undefined || file.settings.has('backends') || given.template;
  if (!namesBackends) {
    given = mergeLayers(readDropIn(env, findings), given);
  }
  const layer = mergeLayers(createLayer(), given);
  addFallbacks(layer, env, findings);
  addProxies(layer, env, findings);
  addServiceName(layer, env);
  const where = whereIn(layer);
  const config = checkConfig(configOf(layer), where, findings);
  const resolved = resolveWith(config, where, findings, system);
  // Resolved without a problem, the configuration has backends.
  return { config: config as SignalboxConfig, resolved, layer, given };
}

/** The file's layer, an empty one where there is no file, `undefined` where the file can not be read. */
function readFileLayer(env: NodeJS.ProcessEnv, findings: Findings): Layer | undefined {
  const variable = `SIGNALBOX_${configFileSetting.variable}`;
  const path = env[variable]?.trim();
  if (path === undefined) return createLayer();
  if (path === '') {
    findings.problem(variable, 'is set but empty', 'give it a value, or unset it');
    return undefined;
  }
  const file = system.readFile(path);
  if ('text' in file) return readConfigText(file.text, path, env, findings);
  findings.problem(variable, `names ${shownPath(path)}, which ${file.what}`, 'a readable file');
  return undefined;
}
