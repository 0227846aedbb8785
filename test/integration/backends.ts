import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';

/** A backend at which nothing listens: no test can be given a port below 1024. */
export const REFUSING_URL = 'http://127.0.0.1:1';

/** Starts a receiver that stops with its test. */
export async function openReceiver(
  ...options: Parameters<typeof startReceiver>
): Promise<TestReceiver> {
  const receiver = await startReceiver(...options);
  onTestFinished(() => receiver.stop());
  return receiver;
}

/** The URL of a backend that takes requests and never answers, until its test has finished. */
export async function openHangingBackend(): Promise<string> {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The variables that name these backends, and `more`. */
export function backendVariables(
  urls: Record<string, string>,
  more: NodeJS.ProcessEnv = {},
): NodeJS.ProcessEnv {
  const endpoints = Object.entries(urls).map(([name, url]) => [
    `SIGNALBOX_BACKEND_${name.toUpperCase()}_ENDPOINT`,
    url,
  ]);
  return {
    SIGNALBOX_BACKENDS: Object.keys(urls).join(),
    ...Object.fromEntries(endpoints),
    ...more,
  };
}

/** Names of the spans that a receiver has taken, in alphabetical order. */
export function namesAt(receiver: TestReceiver): string[] {
  return receiver
    .spans()
    .map(({ name }) => name)
    .sort();
}
