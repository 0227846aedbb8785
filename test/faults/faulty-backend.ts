import net from 'node:net';
import { onTestFinished } from 'vitest';
import type { BackendConfig } from '../../src/index.js';
import { pemPath } from '../helpers/certificates/pem-path.js';
import { type FaultOptions, startFaultReceiver } from './fault-receiver.js';

/** A backend that fails, and what came to it. */
export interface FaultyBackend {
  readonly config: BackendConfig;
  /** Requests that reached it; `undefined` where it can not tell. */
  readonly attempts?: number;
  /** Ids of the spans that reached it, once for each time. */
  readonly arrived: readonly string[];
}

/** Starts a backend, which lasts as long as its test. */
export type StartFaulty = () => Promise<FaultyBackend>;

/** A backend that is not there. */
export function nowhere(endpoint: string, config: BackendConfig): StartFaulty {
  return async () => ({ config: { ...config, endpoint }, arrived: [] });
}

/** A receiver that fails as the options say. */
export function receiver(
  options: FaultOptions,
  config: BackendConfig = {},
  adapt = (url: string) => url,
): StartFaulty {
  return async () => {
    const started = await startFaultReceiver(options);
    return {
      config: { ...config, endpoint: adapt(`${started.url}/sick`) },
      get arrived() {
        return started.arrived;
      },
      get attempts() {
        return started.attempts;
      },
    };
  };
}

/** A receiver that speaks TLS, whose sender trusts one authority. */
export function tlsReceiver(
  tls: NonNullable<FaultOptions['tls']>,
  trusted: 'ca' | 'other-ca',
): StartFaulty {
  return receiver({ tls }, { certificate: pemPath(trusted) });
}

/** A redirect to a receiver that would take everything, and counts as the backend if it does. */
export function redirect(status: number): StartFaulty {
  return async () => {
    const target = await startFaultReceiver();
    const headers = { location: `${target.url}/sick/v1/traces` };
    const from = await startFaultReceiver({ answer: () => ({ status, headers }) });
    return {
      config: { endpoint: `${from.url}/sick` },
      get arrived() {
        return [...from.arrived, ...target.arrived];
      },
      get attempts() {
        return from.attempts + target.attempts;
      },
    };
  };
}

/** A server that takes connections over TLS, it seems, and says nothing. */
export function silence(config: BackendConfig): StartFaulty {
  return async () => {
    const endpoint = `https://127.0.0.1:${await startSilence()}`;
    return { config: { ...config, endpoint }, arrived: [] };
  };
}

/** Starts a server that takes connections, reads nothing and says nothing; resolves with its port. */
export async function startSilence(): Promise<number> {
  const server = net.createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {}); // its client goes away
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  // A server that listens on a host and a port, and no pipe, has an AddressInfo.
  return (server.address() as net.AddressInfo).port;
}
