import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, trace } from '@opentelemetry/api';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fromHeader, type RouteRequestsOptions, routeRequests } from '../../src/boundary/node.js';
import { flushRequest, setRoute, withBoundary, withRoute } from '../../src/index.js';
import { eventually } from '../helpers/eventually.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { type Service, startService } from '../helpers/service.js';

interface Held {
  readonly names: readonly string[];
  answer(): void;
}

/** A service with one backend, which sends what is queued only when it is asked to. */
async function start(holds: (names: readonly string[]) => boolean = () => false) {
  const held: Held[] = [];
  const receiver = await startReceiver({
    async answer({ spans }) {
      const names = spans.map(({ name }) => name);
      if (holds(names)) {
        await new Promise<void>((resolve) => held.push({ names, answer: resolve }));
      }
    },
  });
  const service = startService({
    backends: {
      a: { endpoint: `${receiver.url}/a`, scheduleDelayMs: 600_000 },
      b: { endpoint: `${receiver.url}/b`, scheduleDelayMs: 600_000 },
    },
    routes: { acme: ['a'], globex: ['a'], both: ['a', 'b'] },
    shutdownTimeoutMs: 1_000,
  });
  onTestFinished(async () => {
    for (const { answer } of held) answer();
    await service.stop();
    await receiver.stop();
  });
  return { service, receiver, held };
}

function namesAt(receiver: TestReceiver, backend?: string): string[] {
  return receiver.spans(backend).map(({ name }) => name);
}

function endSpan(service: Service, name: string): void {
  service.tracer.startSpan(name).end();
}

describe('flushRequest', () => {
  it('resolves when what the request has ended is delivered', async () => {
    const { service, receiver } = await start();
    await withBoundary(async () => {
      await service.inSpan('root', async () => {
        endSpan(service, 'before the key');
        setRoute('acme');
        endSpan(service, 'after it');
        await flushRequest();
        expect(namesAt(receiver)).toEqual(['before the key', 'after it']);
      });
      await flushRequest();
      expect(namesAt(receiver)).toEqual(['before the key', 'after it', 'root']);
    });
  });

  it('waits for every backend of the route', async () => {
    const { service, receiver } = await start();
    await withRoute('both', async () => {
      endSpan(service, 'span');
      await flushRequest();
    });
    expect([namesAt(receiver, 'a'), namesAt(receiver, 'b')]).toEqual([['span'], ['span']]);
  });

  it("waits for no other request's spans, on the same backend either", async () => {
    const { service, receiver, held } = await start((names) => names.includes('other'));
    await withRoute('globex', async () => {
      endSpan(service, 'other');
      await flushRequest({ timeoutMs: 1 });
    });
    await eventually(() => held.length === 1);
    await withRoute('acme', async () => {
      endSpan(service, 'mine');
      await flushRequest({ timeoutMs: 20_000 });
    });
    expect(namesAt(receiver)).toEqual(['mine']);
    expect(service.processor.stats().backends.a).toMatchObject({ delivered: 1, inFlight: 1 });
  });

  it('waits for all batches of a request, whichever is delivered first', async () => {
    const { service, held } = await start((names) => names.includes('first'));
    let isFlushed = false;
    let flushed: Promise<void> | undefined;
    await withRoute('acme', async () => {
      endSpan(service, 'first');
      const early = flushRequest({ timeoutMs: 1 });
      await eventually(() => held.length === 1);
      await early;
      endSpan(service, 'second');
      flushed = flushRequest({ timeoutMs: 20_000 }).then(() => {
        isFlushed = true;
      });
    });
    await eventually(() => service.processor.stats().backends.a?.delivered === 1);
    expect(isFlushed).toBe(false);
    held[0]?.answer();
    await flushed;
    expect(service.processor.stats().backends.a?.delivered).toBe(2);
  });

  it('waits for what had ended, also when the request ends a further span meanwhile', async () => {
    const { service, held } = await start((names) => names.includes('first'));
    let isFlushed = false;
    await withRoute('acme', async () => {
      endSpan(service, 'first');
      const flushed = flushRequest({ timeoutMs: 20_000 }).then(() => {
        isFlushed = true;
      });
      await eventually(() => held.length === 1);
      endSpan(service, 'second');
      await flushRequest({ timeoutMs: 1 });
      await eventually(() => service.processor.stats().backends.a?.delivered === 1);
      expect(isFlushed).toBe(false);
      held[0]?.answer();
      await flushed;
    });
  });

  it('waits, in a request, for the scopes inside it', async () => {
    const { service, receiver } = await start();
    await withRoute('acme', () =>
      service.inSpan('root', async () => {
        await withRoute('both', async () => endSpan(service, 'nested'));
        await flushRequest();
      }),
    );
    expect(namesAt(receiver, 'b')).toEqual(['nested']);
  });

  it('does not wait for spans that are parked', async () => {
    const { service, receiver } = await start();
    await withBoundary(async () => {
      endSpan(service, 'parked');
      await flushRequest({ timeoutMs: 20_000 });
      expect(service.processor.stats().parked).toBe(1);
      setRoute('acme');
      await flushRequest();
    });
    expect(namesAt(receiver)).toEqual(['parked']);
  });

  it.each([Number.POSITIVE_INFINITY, 2 ** 31])('waits for %d ms', async (timeoutMs) => {
    const { service, held } = await start(() => true);
    let isFlushed = false;
    let flushed: Promise<void> | undefined;
    withRoute('acme', () => {
      endSpan(service, 'span');
      flushed = flushRequest({ timeoutMs }).then(() => {
        isFlushed = true;
      });
    });
    await eventually(() => held.length === 1);
    await withRoute('globex', () => flushRequest({ timeoutMs: 5 }));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(isFlushed).toBe(false);
    held[0]?.answer();
    await flushed;
  });

  it('resolves when its time is over', async () => {
    const { service } = await start(() => true);
    await withRoute('acme', async () => {
      endSpan(service, 'hanging');
      await flushRequest({ timeoutMs: 20 });
    });
    expect(service.processor.stats().backends.a).toMatchObject({ delivered: 0 });
  });

  it('resolves where no request is in force, and where the request has ended nothing', async () => {
    await start();
    await flushRequest();
    await withBoundary(() => flushRequest());
  });
});

describe('waitUntil of routeRequests', () => {
  /** A server whose root span ends a turn after the response has closed. */
  async function serve(
    service: Service,
    options: Partial<RouteRequestsOptions<http.IncomingMessage>>,
  ): Promise<string> {
    const routed = routeRequests(
      { route: fromHeader('x-tenant'), ...options },
      async (_, response) => {
        endSpan(service, 'child');
        response.end('hello');
      },
    );
    const server = http.createServer((request, response) => {
      const root = service.tracer.startSpan('root');
      response.once('close', () => setImmediate(() => root.end()));
      context.with(trace.setSpan(context.active(), root), routed, undefined, request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('is given a promise that resolves when the request is delivered, its root included', async () => {
    const { service, receiver } = await start();
    const given: Promise<void>[] = [];
    const paths: (string | undefined)[] = [];
    const url = await serve(service, {
      waitUntil: (delivered, request) => {
        given.push(delivered);
        paths.push(request.url);
      },
    });
    await fetch(`${url}/orders`, { headers: { 'x-tenant': 'acme' } });
    expect(paths).toEqual(['/orders']);
    await Promise.all(given);
    expect(namesAt(receiver)).toEqual(['child', 'root']);
  });

  it("waits for no other request's spans", async () => {
    const { service, receiver, held } = await start((names) => names.includes('other'));
    await withRoute('globex', async () => {
      endSpan(service, 'other');
      await flushRequest({ timeoutMs: 1 });
    });
    await eventually(() => held.length === 1);
    const given: Promise<void>[] = [];
    const url = await serve(service, { waitUntil: (delivered) => given.push(delivered) });
    await fetch(url, { headers: { 'x-tenant': 'acme' } });
    await Promise.all(given);
    expect(namesAt(receiver)).toEqual(['child', 'root']);
  });

  it('may throw, and the request goes on', async () => {
    const { service, receiver } = await start();
    const url = await serve(service, {
      waitUntil: () => {
        throw new Error('not on this platform');
      },
    });
    const response = await fetch(url, { headers: { 'x-tenant': 'acme' } });
    expect(await response.text()).toBe('hello');
    await eventually(() => service.processor.stats().routed === 2);
    await service.processor.forceFlush();
    expect(namesAt(receiver)).toEqual(['child', 'root']);
  });

  it('may reject, and the process goes on', async () => {
    const { service } = await start();
    const rejected: Promise<void>[] = [];
    const waitUntil = () => {
      const promise = Promise.reject(new Error('not on this platform'));
      rejected.push(promise);
      return promise;
    };
    const url = await serve(service, { waitUntil });
    const response = await fetch(url, { headers: { 'x-tenant': 'acme' } });
    expect(await response.text()).toBe('hello');
    expect(rejected).toHaveLength(1);
  });
});
