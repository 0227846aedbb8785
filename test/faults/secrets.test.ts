import { describe, expect, it } from 'vitest';
import type { BackendConfig } from '../../src/index.js';
import { partialSuccess } from '../helpers/receiver.js';
import { type FaultOptions, startFaultReceiver } from './fault-receiver.js';
import { lastingFaults } from './lasting-faults.js';
import { named } from './named.js';
import { SECRET, startWatchedService } from './watched-service.js';

const SPANS = 5;

/** Every place where a backend's configuration may hold a secret, but for its proxy, which has tests of its own. */
function withSecrets({ endpoint, ...config }: BackendConfig): BackendConfig {
  return {
    ...config,
    tracesEndpoint: `${endpoint}/v1/traces?token=${SECRET}-token`,
    apiKey: `${SECRET}-key`,
    headers: { 'x-team': `${SECRET} team`, cookie: `session=${SECRET}-cookie` },
  };
}

// What is asserted stands in the watch: it reads every line of the log, at every level, and `stats()`.
describe('what a backend is sent to prove who sends', () => {
  it.each(named('fault', lastingFaults))(
    'is told to nobody else after %s',
    async (_, { start }) => {
      const { config } = await start();
      const service = startWatchedService({ backends: { sick: withSecrets(config) } });

      service.makeSpans('sick', SPANS);
      await service.processor.forceFlush();

      expect(service.backend('sick')).toMatchObject({ accepted: SPANS, queued: 0, inFlight: 0 });
    },
  );

  const echoes: readonly { readonly where: string; readonly options: FaultOptions }[] = [
    {
      where: 'the reason phrase of its status',
      options: {
        intercept(request, response) {
          const { authorization = '', cookie = '' } = request.headers;
          request.resume().once('end', () => {
            response.writeHead(401, `no ${authorization} and ${cookie}`).end();
          });
          return true;
        },
      },
    },
    {
      where: 'the body of its refusal',
      options: {
        answer: ({ headers }) => ({ status: 403, body: JSON.stringify(headers) }),
      },
    },
    {
      where: 'the address of its redirect',
      options: {
        answer: ({ headers }) => ({
          status: 307,
          headers: {
            location: `http://${SECRET}-user@127.0.0.1:1/${SECRET}-team?${headers.authorization}`,
          },
        }),
      },
    },
    {
      where: 'the words of its partial success',
      options: {
        answer: (request) =>
          partialSuccess(request, 1, `quota of ${request.headers.authorization}`),
      },
    },
    {
      where: 'the words of its warning',
      options: {
        answer: (request) => partialSuccess(request, 0, JSON.stringify(request.headers)),
      },
    },
    {
      where: 'the headers of its answer',
      options: {
        answer: ({ headers }) => ({
          status: 503,
          headers: { 'retry-after': headers.cookie, 'www-authenticate': headers.authorization },
        }),
      },
    },
    {
      where: 'a type of content',
      options: {
        answer: ({ headers }) => ({
          headers: { 'content-type': headers.authorization },
          body: `${headers.authorization}`,
        }),
      },
    },
    {
      where: 'an answer that is no HTTP',
      options: {
        intercept(request) {
          request.resume().once('end', () => {
            request.socket.end(`${request.headers.authorization} ${request.url}\r\n\r\n`);
          });
          return true;
        },
      },
    },
  ];

  // Not through a stock exporter: what a backend says to that, it writes into the log itself.
  it.each(named('where', echoes))(
    'is told to nobody else when it repeats it in %s',
    async (_, { options }) => {
      const receiver = await startFaultReceiver(options);
      const common = { retryMaxElapsedMs: 0, timeoutMs: 2_000 };
      const service = startWatchedService({
        backends: { sick: withSecrets({ ...common, endpoint: receiver.url }) },
      });

      service.makeSpans('sick', SPANS);
      await service.processor.forceFlush();

      expect(service.backend('sick')).toMatchObject({ accepted: SPANS, queued: 0, inFlight: 0 });
      expect(receiver.attempts).toBeGreaterThan(0);
    },
  );
});
