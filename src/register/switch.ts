import { otelVariable } from '../config/otel-variables.js';

/**
 * Whether OpenTelemetry's variables turn tracing off: `OTEL_SDK_DISABLED=true`, or `none` among the exporters of
 * `OTEL_TRACES_EXPORTER`.
 */
export function isSwitchedOff(env: NodeJS.ProcessEnv): boolean {
  const isDisabled = otelVariable(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true';
  return isDisabled || tracesExporters(env).includes('none');
}

/** The exporters of `OTEL_TRACES_EXPORTER` that have no effect, as signalbox's backends are the exporters. */
export function otherExporters(env: NodeJS.ProcessEnv): readonly string[] {
  return tracesExporters(env).filter((name) => name !== 'otlp' && name !== 'none');
}

function tracesExporters(env: NodeJS.ProcessEnv): readonly string[] {
  const names = otelVariable(env, 'OTEL_TRACES_EXPORTER')?.split(',') ?? [];
  return names.map((name) => name.trim()).filter((name) => name !== '');
}
