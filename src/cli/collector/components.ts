import { duration } from './references.js';

/** One component's settings, and all of a Collector's configuration, as its YAML has them. */
export type Settings = { readonly [key: string]: SettingValue };

/** What YAML can say. */
export type SettingValue = string | number | boolean | readonly SettingValue[] | Settings;

/** Where batches wait on a Collector's disk. */
export const STORAGE_ID = 'file_storage/queues';

/**
 * The storage of every queue, a file for each.
 *
 * Without `fsync` a batch outlives the process, and not the machine: with it each batch waits for the disk.
 */
export function storage(): Settings {
  const directory = variable('COLLECTOR_STORAGE_DIR', '/var/lib/otelcol/file_storage');
  return {
    directory,
    create_directory: true,
    compaction: { on_start: true, on_rebound: true, directory },
  };
}

/** Refuses what the memory can not hold, so that the sender keeps it; the first processor of every way in. */
export const memoryLimiter: Settings = {
  check_interval: '1s',
  limit_percentage: 80,
  spike_limit_percentage: 20,
};

/**
 * OTLP over HTTP, which signalbox speaks, and over gRPC, which the agents speak to the gateways.
 *
 * It listens on loopback unless the machine says otherwise: whoever reaches it may choose a route.
 */
export function otlpReceiver(): Settings {
  const host = variable('COLLECTOR_HOST', '127.0.0.1');
  return {
    protocols: {
      // What has arrived at an agent within the limit of HTTP, 20 MiB, must not be too large for a gateway.
      grpc: { endpoint: `${host}:4317`, max_recv_msg_size_mib: 64 },
      http: { endpoint: `${host}:4318` },
    },
  };
}

/** How a queue is kept on disk, and what it does when it is full. */
export function persistentQueue(maxBytes: number): Settings {
  return {
    enabled: true,
    storage: STORAGE_ID,
    sizer: 'bytes',
    queue_size: maxBytes,
    // The sender is told, and keeps what it has: waiting would hold up the other backends' spans.
    block_on_overflow: false,
  };
}

/** Retries as signalbox has them: from half a second, doubling to five, and none for 0, which a Collector has for ever. */
export function retries(maxElapsedMs: number): Settings {
  if (maxElapsedMs === 0) return { enabled: false };
  // No wait may be longer than all of the time.
  const maxIntervalMs = Math.min(5_000, maxElapsedMs);
  return {
    enabled: true,
    initial_interval: duration(Math.min(500, maxIntervalMs)),
    max_interval: duration(maxIntervalMs),
    multiplier: 2,
    max_elapsed_time: duration(maxElapsedMs),
  };
}

/** What the Collector's environment may say otherwise. */
function variable(name: string, fallback: string): string {
  return `\${env:${name}:-${fallback}}`;
}
