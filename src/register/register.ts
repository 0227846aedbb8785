import * as module from 'node:module';
import {
  context,
  DiagConsoleLogger,
  DiagLogLevel,
  diag,
  propagation,
  trace,
} from '@opentelemetry/api';
import { emit } from '../accounting/log.js';
import { createRequestBoundary } from '../boundary/request.js';
import { otelVariable } from '../config/otel-variables.js';
import { RoutingSpanProcessor } from '../routing/processor.js';
import { type Configuration, readConfiguration } from './configuration.js';
import { interceptRequests } from './incoming.js';
import { startInstrumentations } from './instrumentations.js';
import { applicationPackages, type Packages } from './packages.js';
import { drainAtEnd } from './process-end.js';

import { profileOnSignal } from './profile-signal.js';
import { createPropagator } from './propagator.js';
import { hasProvider, loadSdk } from './provider.js';
import { detectResource } from './resource.js';
import { resolverFrom } from './route.js';
import { serveStats } from './stats-server.js';
import { isSwitchedOff, otherExporters } from './switch.js';

/** What the environment describes, checked. */
type Valid = Extract<Configuration, { config: unknown }>;

/**
 * Sets up tracing from the environment, before the application's first line: `docs/register.md` says what that is.
 *
 * Where it can not it says why, and the application runs without export; a wrong configuration ends the process
 * under `SIGNALBOX_ON_CONFIG_ERROR=exit`.
 *
 * @param host - The process: its environment is read once, here, but for what the SDK reads itself.
 */
export function register(host: NodeJS.Process = process): void {
  const { env } = host;
  if (isSwitchedOff(env)) return;
  try {
    if (hasProvider()) {
      print('a tracer provider is registered already, and stays: signalbox does nothing');
      return;
    }
    const configuration = readConfiguration(env);
    if ('config' in configuration) {
      start(configuration, host);
      return;
    }
    const { error, onError } = configuration;
    const effect = onError === 'exit' ? 'the process ends' : 'the application runs without export';
    console.error(`${error.message}\nsignalbox/register: ${effect}`);
    if (onError === 'exit') host.exit(1);
  } catch (error) {
    // A package that breaks as it loads, or a bug of ours: neither is worth the application.
    print(`tracing could not be set up, and the application runs without: ${String(error)}`);
  }
}

function start(valid: Valid, host: NodeJS.Process): void {
  const { config, routeFrom, statsPort, propagation: route } = valid;
  const { env } = host;
  setLogger(env);
  const packages = applicationPackages(host.argv[1], host.cwd());
  const sdk = loadSdk(packages);
  if ('missing' in sdk) {
    const names = sdk.missing.join(' ');
    print(`the application runs without export, as packages are missing: npm install ${names}`);
    return;
  }
  const others = otherExporters(env);
  if (others.length > 0) {
    warn(`OTEL_TRACES_EXPORTER: ${others.join()} has no effect: the exporters are signalbox's`);
  }

  const processor = new RoutingSpanProcessor(config);
  const resource = detectResource(env, sdk.resources, warn);
  const provider = sdk.createProvider({ processor, resource, env, warn });
  const propagator = createPropagator(env, packages, sdk.propagators, route, warn);
  // Before the provider: spans whose requests have no boundary would follow the default route.
  if (routeFrom !== undefined) {
    interceptRequests(createRequestBoundary({ route: resolverFrom(routeFrom) }));
  }
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new sdk.AsyncLocalStorageContextManager().enable());
  if (propagator !== undefined) propagation.setGlobalPropagator(propagator);
  drainAtEnd(processor, config.shutdownTimeoutMs, host);
  if (statsPort !== undefined) {
    serveStats(processor, statsPort, {
      info: (message) => diag.info(`signalbox: ${message}`),
      warn,
    });
  }
  if (config.monitoring?.telemetry.has('memprof')) profileOnSignal(processor, host);
  // After the boundary: their server spans then belong to it.
  instrument(packages);
}

function instrument(packages: Packages): void {
  try {
    if (startInstrumentations(packages, (hook) => module.register(hook))) return;
    diag.info(
      'signalbox: @opentelemetry/auto-instrumentations-node is not installed: there are only the spans that the application makes itself',
    );
  } catch (error) {
    // The rest works without: the application's own spans are exported.
    print(`@opentelemetry/auto-instrumentations-node can not be used: ${String(error)}`);
  }
}

/** Without code of its own an application has no other way to hear of drops: warnings are shown by default. */
function setLogger(env: NodeJS.ProcessEnv): void {
  const name = otelVariable(env, 'OTEL_LOG_LEVEL')?.toUpperCase() ?? 'WARN';
  const level: unknown = Reflect.get(DiagLogLevel, name);
  diag.setLogger(new DiagConsoleLogger(), {
    logLevel: typeof level === 'number' ? level : DiagLogLevel.WARN,
    suppressOverrideMessage: true,
  });
}

/** For what has to be said whatever the log level is. */
function print(message: string): void {
  console.error(`signalbox/register: ${message}`);
}

function warn(message: string): void {
  emit('warn', message);
}
