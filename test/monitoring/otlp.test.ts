import { type Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { resolveConfig } from '../../src/config/resolve.js';
import { createOtlpSender } from '../../src/monitoring/otlp.js';
import { createSystemClock } from '../../src/system-clock.js';

const MIB = 1024 * 1024;

interface Options {
  readonly url: string;
  readonly httpAgentOptions: (protocol: string) => Agent;
}

/** Reads an answer to its end, as older exporters do. */
function createReader() {
  let bytes = 0;
  class Reader {
    readonly #options: Options;
    constructor(options: object) {
      this.#options = options as Options;
    }
    export(_: unknown, callback: (result: { code: number }) => void): void {
      const { url, httpAgentOptions } = this.#options;
      const sent = request(url, { method: 'POST', agent: httpAgentOptions('http:') });
      sent.on('error', () => callback({ code: 1 }));
      sent.on('response', (response) => {
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
        response.on('error', () => callback({ code: 1 }));
        response.on('end', () => callback({ code: 0 }));
      });
      sent.end();
    }
    async shutdown(): Promise<void> {}
  }
  return { Reader, read: () => bytes };
}

test('an answer without end is read to its limit, whatever the exporter would read', async () => {
  const chunk = Buffer.alloc(MIB);
  const server = createServer((incoming, response) => {
    incoming.resume();
    response.writeHead(200);
    const write = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', write);
    write();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { monitoring } = resolveConfig({
    backends: { a: { endpoint } },
    monitoring: { endpoint, telemetry: ['status'], timeoutMs: 5_000 },
  });
  if (monitoring === undefined) throw new Error('monitoring is configured');
  const { Reader, read } = createReader();
  const signals = { metrics: { url: endpoint, OtlpExporter: Reader } };
  const sender = createOtlpSender({ ...monitoring, signals }, createSystemClock());

  expect(await sender.send('metrics', {})).toBe('an answer that can not be read');
  expect(read()).toBeGreaterThan(MIB);
  expect(read()).toBeLessThan(6 * MIB);
  sender.close();
});
