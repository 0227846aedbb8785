/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /**
   * The variable's name, or `file:line path` (`file:line:column` in what is no YAML), or the path in the
   * configuration object.
   */
  readonly where: string;
  /** What is wrong. Never the value of a secret. */
  readonly what: string;
  /** What would be right. */
  readonly hint: string;
}

/**
 * A configuration that can not be used, with every problem in it.
 *
 * Thrown at construction only: by `new RoutingSpanProcessor`, `new RoutePropagator`, their `fromEnv` and `loadConfig`.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ where, what, hint }) => `  ${where}: ${what} (${hint})`);
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(`signalbox: the configuration has ${count}\n${lines.join('\n')}`);
    this.problems = problems;
  }
}
