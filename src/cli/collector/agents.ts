import type { ConfigDescription } from '../../config/describe.js';
import {
  memoryLimiter,
  otlpReceiver,
  persistentQueue,
  retries,
  type Settings,
  STORAGE_ID,
  storage,
} from './components.js';
import { keptMs, queueBytes } from './exporter.js';

/** Where the gateways are: a name that DNS has all their addresses for, or each by host and port. */
export type Gateways =
  | { readonly hostname: string; readonly port: string | undefined }
  | { readonly hostnames: readonly string[] };

/**
 * The tier before the gateways: sends all spans of a trace to one gateway, chosen by a consistent hash of the trace id.
 *
 * It knows no route. The queue is the tier's own, and each gateway's exporter has none: what a gateway does not take comes
 * back to the queue, and may go to another one that is there by then.
 */
export function agentsConfig({ resolved }: ConfigDescription, gateways: Gateways): Settings {
  const backends = [...resolved.backends.values()];
  const largest = Math.max(...backends.map(queueBytes));
  const longest = Math.max(...backends.map(keptMs));
  return {
    receivers: { otlp: otlpReceiver() },
    processors: { memory_limiter: memoryLimiter },
    exporters: {
      loadbalancing: {
        routing_key: 'traceID',
        resolver: resolverOf(gateways),
        protocol: {
          otlp: {
            timeout: '10s',
            // As the gateways' receivers are: the network between the tiers is one's own, or both get certificates.
            tls: { insecure: true },
            retry_on_failure: { enabled: false },
            sending_queue: { enabled: false },
          },
        },
        retry_on_failure: retries(longest),
        sending_queue: persistentQueue(largest),
      },
    },
    extensions: { [STORAGE_ID]: storage() },
    service: {
      extensions: [STORAGE_ID],
      pipelines: {
        traces: {
          receivers: ['otlp'],
          processors: ['memory_limiter'],
          exporters: ['loadbalancing'],
        },
      },
    },
  };
}

function resolverOf(gateways: Gateways): Settings {
  if ('hostnames' in gateways) return { static: { hostnames: [...gateways.hostnames] } };
  const { hostname, port = '4317' } = gateways;
  return { dns: { hostname, port } };
}

/**
 * Parses `--gateways`: one name is looked up, and stands for all addresses that DNS gives; several, comma-separated, are
 * the gateways themselves.
 *
 * @returns `undefined` for what is neither.
 */
export function parseGateways(text: string): Gateways | undefined {
  const hosts = text.split(',').map((host) => host.trim());
  const isValid = hosts.every((host) => /^[A-Za-z0-9._-]+(?::\d{1,5})?$/.test(host));
  if (!isValid || new Set(hosts).size < hosts.length) return undefined;
  const [only = '', ...others] = hosts;
  if (others.length > 0) return { hostnames: hosts };
  const [hostname = '', port] = only.split(':');
  return { hostname, port };
}
