import { checkSettings } from './check.js';
import { ConfigError } from './error.js';
import { createFindings, type Findings, shown, type Where } from './findings.js';
import { propagationSettings, type RoutePropagatorOptions } from './propagation-settings.js';
import { isObject } from './setting.js';
import { prefix } from './unknown-variables.js';
import { readEntry } from './variables.js';

export type { RoutePropagatorOptions } from './propagation-settings.js';

/** What a propagator works with, checked and complete. */
export interface ResolvedPropagation {
  readonly secret: string;
  readonly previousSecret: string | undefined;
  readonly hosts: readonly string[];
}

/**
 * Checks options given in code. The environment is not looked at.
 *
 * @throws {ConfigError} naming every problem at once; no message holds a secret.
 */
export function resolvePropagation(options: RoutePropagatorOptions): ResolvedPropagation {
  const where: Where = ([option, ...path]) =>
    option === undefined ? 'options' : [shown(option), ...path].join('.');
  return resolve(options, where, createFindings());
}

/**
 * The options that `SIGNALBOX_PROPAGATION_*` give.
 *
 * @param env where the variables are; `process.env` by default.
 * @throws {ConfigError} naming every problem at once, a missing `SIGNALBOX_PROPAGATION_SECRET` among them.
 */
export function propagationFromEnv(env: NodeJS.ProcessEnv = process.env): ResolvedPropagation {
  const findings = createFindings();
  const options: Record<string, unknown> = {};
  for (const [option, setting] of Object.entries(propagationSettings)) {
    options[option] = readEntry(env, prefix + setting.variable, setting, findings)?.value;
  }
  const where: Where = ([option = 'secret']) => prefix + variableOf(option);
  return resolve(options, where, findings);
}

/** Whether the environment asks for propagation: any of its variables is set, the secret or not. */
export function isPropagationConfigured(env: NodeJS.ProcessEnv = process.env): boolean {
  return Object.values(propagationSettings).some(
    ({ variable }) => env[prefix + variable] !== undefined,
  );
}

function resolve(options: unknown, where: Where, findings: Findings): ResolvedPropagation {
  const given = isObject(options) ? options : {};
  const checked: Partial<RoutePropagatorOptions> = checkSettings(
    given,
    propagationSettings,
    [],
    where,
    findings,
  );
  const { secret, previousSecret, hosts = [] } = checked;
  if (secret === undefined && !findings.has(where(['secret']))) {
    findings.problem(where(['secret']), 'is missing', propagationSettings.secret.hint);
  }
  if (secret === undefined || findings.problems.length > 0) {
    throw new ConfigError(findings.problems);
  }
  return { secret, previousSecret, hosts: [...hosts] };
}

function variableOf(option: string): string {
  return (
    Object.entries(propagationSettings).find(([key]) => key === option)?.[1].variable ?? option
  );
}
