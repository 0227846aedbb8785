import { createRequire } from 'node:module';
import { codeOf } from '../error-code.js';
import type { SpanExporter } from '../sdk.js';
import { VERSION } from '../version.js';
import type { Fault } from './findings.js';
import { type Agents, createAgents } from './stock-agent.js';

/** Loads a package that signalbox does not depend on, at once; throws where it is not installed. */
export type LoadPackage = (name: string) => unknown;

/** Loads from where signalbox itself is installed. */
export const loadPackage: LoadPackage = createRequire(import.meta.url);

/** An exporter, or why there is none. */
export type StockExporter = { readonly exporter: SpanExporter } | { readonly fault: Fault };

/** What the stock exporter is given: all that it would otherwise take from the environment. */
export interface StockOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: 'none' | 'gzip';
  readonly timeoutMs: number;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
}

const stockPackage = '@opentelemetry/exporter-trace-otlp-http';

/** The class of one of OpenTelemetry's OTLP/HTTP exporters, or why there is none. */
export type OtlpConstructor<T> =
  | { readonly OtlpExporter: new (options: object) => T }
  | { readonly fault: Fault };

/** The first version that lets its user make the HTTP agent; an older one would ignore ours in silence. */
const firstMinor = 204;

/**
 * The stock exporter of `@opentelemetry/exporter-trace-otlp-http`.
 *
 * It takes each option that it is not given from `OTEL_EXPORTER_OTLP_*`, and merges the headers there with its
 * own. So every option is given, and an agent lets no other headers through.
 */
export function createStockExporter(options: StockOptions, load: LoadPackage): StockExporter {
  const { url, headers, compression, timeoutMs, tls } = options;
  const loaded = loadOtlpExporter<SpanExporter>(stockPackage, 'OTLPTraceExporter', load);
  if ('fault' in loaded) return loaded;
  const agents = createAgents(new URL(url), headers, tls ?? {});
  const exporter = new loaded.OtlpExporter({
    url,
    headers,
    compression,
    timeoutMillis: timeoutMs,
    userAgent: `signalbox/${VERSION}`,
    httpAgentOptions: agents.create,
  });
  return { exporter: withAgents(exporter, agents) };
}

/**
 * Loads one of OpenTelemetry's OTLP/HTTP exporters, of a version whose requests can be watched by an agent made here.
 *
 * @param className - Its class, which is taken to make what the caller says.
 */
export function loadOtlpExporter<T>(
  name: string,
  className: string,
  load: LoadPackage,
): OtlpConstructor<T> {
  const OtlpExporter = constructorIn<T>(loadOptional(name, load), className);
  const age = ageOf(name, load);
  if (age === undefined || OtlpExporter === undefined) return missing(name);
  if (age === 'old') return fault(`needs ${name} 0.${firstMinor} or later`, 'upgrade it');
  return { OtlpExporter };
}

/** Whether its user can make the HTTP agent; `undefined` where nobody can tell. */
function ageOf(name: string, load: LoadPackage): 'old' | 'recent' | undefined {
  try {
    const version = versionOf(load(`${name}/package.json`));
    if (version === undefined) return undefined;
    const [major = 0, minor = 0] = version.split('.').map(Number);
    return major === 0 && minor < firstMinor ? 'old' : 'recent';
  } catch (error) {
    // From 0.300 on it shows its main module alone. None that is too old does so.
    return codeOf(error) === 'ERR_PACKAGE_PATH_NOT_EXPORTED' ? 'recent' : undefined;
  }
}

/** The exporter's own shutdown waits for its requests, which live as long as their timeout. */
function withAgents(exporter: SpanExporter, agents: Agents): SpanExporter {
  return {
    export: (spans, resultCallback) => exporter.export(spans, resultCallback),
    async forceFlush() {
      await exporter.forceFlush?.();
    },
    async shutdown() {
      agents.destroy();
      await exporter.shutdown();
    },
  };
}

/** The SDK's `ConsoleSpanExporter`, from whichever of its trace packages is installed. */
export function createConsoleExporter(load: LoadPackage): StockExporter {
  // SDK 3 has no sdk-trace-base.
  for (const name of ['@opentelemetry/sdk-trace-base', '@opentelemetry/sdk-trace']) {
    const ConsoleSpanExporter = constructorIn<SpanExporter>(
      loadOptional(name, load),
      'ConsoleSpanExporter',
    );
    if (ConsoleSpanExporter) return { exporter: new ConsoleSpanExporter() };
  }
  return missing('@opentelemetry/sdk-trace-base');
}

type Constructor<T> = new (options?: object) => T;

function constructorIn<T>(loaded: unknown, name: string): Constructor<T> | undefined {
  if (typeof loaded !== 'object' || loaded === null) return undefined;
  const value: unknown = Reflect.get(loaded, name);
  return typeof value === 'function' ? (value as Constructor<T>) : undefined;
}

function versionOf(loaded: unknown): string | undefined {
  if (typeof loaded !== 'object' || loaded === null) return undefined;
  const version: unknown = Reflect.get(loaded, 'version');
  return typeof version === 'string' ? version : undefined;
}

function loadOptional(name: string, load: LoadPackage): unknown {
  try {
    return load(name);
  } catch {
    // Not installed, or broken: either way there is no exporter, and the problem that is told says so.
    return undefined;
  }
}

function missing(name: string): { readonly fault: Fault } {
  return fault(`needs ${name}, which can not be loaded`, `npm install ${name}`);
}

function fault(what: string, hint: string): { readonly fault: Fault } {
  return { fault: { what, hint } };
}
