import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createFaultPlan, type Delay, type Failure } from '../receiver/fault-plan.js';
import { createReceiver } from '../receiver/receiver.js';
import { createSystemClock } from '../system-clock.js';
import { isLoopback } from './access.js';
import { pollServiceStats, type ServiceStatsPoll } from './service-stats.js';
import { createViewer, type ViewerOptions } from './viewer.js';

/** How a sink listens, and what it shows. */
export interface SinkOptions extends Pick<ViewerOptions, 'capacity' | 'maxBytes'> {
  /**
   * Beyond loopback the viewer asks for a token; spans are taken from anybody, as receivers do.
   *
   * @default '127.0.0.1'
   */
  readonly host?: string;
  /** @default 4318, the port of OTLP/HTTP; 0 for a free one */
  readonly port?: number;
  readonly failures?: readonly Failure[];
  readonly delays?: readonly Delay[];
  /** Where a service shows its `stats()`. */
  readonly stats?: URL | undefined;
  /** @default 'signalbox.route' */
  readonly routeAttribute?: string;
  /** @default the page that was built beside this file */
  readonly pageDirectory?: string;
}

/** A running sink. */
export interface Sink {
  readonly port: number;
  /** Base URL, such as `http://127.0.0.1:4318`; a backend's is `${url}/<backend>`. */
  readonly url: string;
  /** The viewer's, with its token where it has one. */
  readonly viewerUrl: string;
  stop(): Promise<void>;
}

/** Larger than the batches of any exporter that keeps its defaults. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/**
 * Starts a receiver for any number of backends, and the viewer on the same port.
 *
 * Rejects where the port can not be had.
 */
export async function startSink(options: SinkOptions = {}): Promise<Sink> {
  const { host = '127.0.0.1', port = 4318, failures = [], delays = [], stats } = options;
  const clock = createSystemClock();
  const token = isLoopback(host) ? undefined : randomBytes(18).toString('base64url');
  const faults = createFaultPlan(failures, delays, clock);
  let poll: ServiceStatsPoll | undefined;
  const viewer = createViewer(
    {
      ...options,
      token,
      pageDirectory: options.pageDirectory ?? fileURLToPath(new URL('./page', import.meta.url)),
      faultOf: faults.describe,
      ...(stats === undefined ? {} : { serviceReport: () => poll?.report ?? { status: 'asking' } }),
    },
    clock,
  );
  const receiver = createReceiver({
    host,
    port,
    maxBodyBytes: MAX_BODY_BYTES,
    intercept: viewer.handle,
    onRequest: viewer.record,
    onRefused: viewer.recordRefused,
    answer: faults.answer,
  });
  const listening = await receiver.start();
  const url = isWildcard(host)
    ? `http://${ownAddress() ?? 'localhost'}:${listening.port}`
    : listening.url;
  if (stats !== undefined) poll = pollServiceStats(stats, clock, viewer.touch);
  return {
    port: listening.port,
    url,
    viewerUrl: token === undefined ? `${url}/` : `${url}/?token=${token}`,
    async stop() {
      poll?.stop();
      await receiver.stop();
    },
  };
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** By which others can reach this machine: an address that means all of them is none to paste. */
function ownAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal)?.address;
}
