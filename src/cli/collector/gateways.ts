import type { ConfigDescription } from '../../config/describe.js';
import type { ResolvedConfig } from '../../config/resolved.js';
import { ROUTE_ATTRIBUTE } from '../../config/route-attribute.js';
import { memoryLimiter, otlpReceiver, type Settings, STORAGE_ID, storage } from './components.js';
import { bearerTokenId, exporterId, exporterOf } from './exporter.js';
import { literal, type References } from './references.js';

/** What removes the attribute by which an application would name another parent than the configured one. */
const PARENT_ID = 'attributes/parent';

/**
 * A Collector that routes as the in-process router does: each span to the backends of the key that it carries.
 *
 * One pipeline for each backend, so that what is done for one is done for it alone. Keys are compared in the span's own
 * attributes: those of a resource, which the application chooses, do not count. What no line of the table matches has no
 * pipeline, and is dropped, unless unknown keys follow the default route.
 */
export function gatewaysConfig(description: ConfigDescription, references: References): Settings {
  const { resolved } = description;
  const exporters: Record<string, Settings> = {};
  const extensions: Record<string, Settings> = { [STORAGE_ID]: storage() };
  const pipelines: Record<string, Settings> = {
    'traces/in': { receivers: ['otlp'], processors: ['memory_limiter'], exporters: ['routing'] },
  };
  let hasParents = false;
  for (const backend of resolved.backends.values()) {
    const { name, url, parent } = backend;
    if (url === undefined) continue;
    const { exporter, bearerToken } = exporterOf(backend, url, description, references);
    exporters[exporterId(name)] = exporter;
    if (bearerToken !== undefined) extensions[bearerTokenId(name)] = bearerToken;
    hasParents ||= parent !== undefined;
    pipelines[pipelineId(name)] = {
      receivers: ['routing'],
      ...(parent !== undefined && { processors: [PARENT_ID] }),
      exporters: [exporterId(name)],
    };
  }
  return {
    receivers: { otlp: otlpReceiver() },
    processors: {
      memory_limiter: memoryLimiter,
      ...(hasParents && {
        [PARENT_ID]: { actions: [{ key: 'braintrust.parent', action: 'delete' }] },
      }),
    },
    connectors: { routing: routing(resolved) },
    exporters,
    extensions,
    service: {
      extensions: Object.keys(extensions),
      pipelines: withoutIdle(pipelines, resolved),
    },
  };
}

function routing({ routes, defaultRoute, unknownRoute }: ResolvedConfig): Settings {
  const keyed = Array.from(routes.values(), ({ key, backends }) =>
    line(`== ${JSON.stringify(key)}`, backends),
  );
  const fallback = defaultRoute?.backends ?? [];
  return {
    // Rather than have spans follow the default route because their key could not be compared.
    error_mode: 'propagate',
    // A span without a key is one of a request that set none: the application can not take the attribute away.
    table: [...keyed, ...(fallback.length > 0 ? [line('== nil', fallback)] : [])],
    ...(unknownRoute === 'default' && { default_pipelines: fallback.map(pipelineId) }),
  };
}

function line(comparison: string, backends: readonly string[]): Settings {
  return {
    context: 'span',
    condition: literal(`attributes[${JSON.stringify(ROUTE_ATTRIBUTE)}] ${comparison}`),
    pipelines: backends.map(pipelineId),
  };
}

/** No backend's name makes that of another pipeline. */
function pipelineId(backend: string): string {
  return `traces/to-${backend}`;
}

/** A Collector does not start with a pipeline that nothing leads to. */
function withoutIdle(
  pipelines: Readonly<Record<string, Settings>>,
  { routes, defaultRoute, backends }: ResolvedConfig,
): Settings {
  const reached = new Set(
    [...routes.values(), ...(defaultRoute ? [defaultRoute] : [])].flatMap((each) => each.backends),
  );
  const idle = new Set([...backends.keys()].filter((name) => !reached.has(name)).map(pipelineId));
  return Object.fromEntries(Object.entries(pipelines).filter(([id]) => !idle.has(id)));
}
