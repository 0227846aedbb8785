import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BackendConfig } from '../../src/index.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { eventually } from '../helpers/eventually.js';
import { makeFolder, mountSecret } from '../helpers/folder.js';
import { createConnectProxy } from '../transport/connect-proxy.js';
import { type FaultOptions, startFaultReceiver } from './fault-receiver.js';
import { load, takenOf } from './load.js';
import { layPoints } from './points.js';
import { startWatchedService } from './watched-service.js';

const { ca, server, client, nextCa, nextServer, nextClient } = certificates;

/** A request, by its client's certificate and its connection. */
interface Seen {
  readonly client: string;
  readonly socket: TLSSocket;
  readonly isSessionReused: boolean;
}

/** A receiver that asks for a certificate of one of these authorities, and notes whose came. */
async function startMutual(
  pair: typeof server,
  authorities: readonly string[],
  options: FaultOptions = {},
) {
  const seen: Seen[] = [];
  const receiver = await startFaultReceiver({
    ...options,
    tls: { ...pair, ca: [...authorities], requestCert: true, rejectUnauthorized: true },
    intercept(request) {
      // An HTTPS server's sockets are TLS sockets.
      const socket = request.socket as TLSSocket;
      const { CN } = socket.getPeerCertificate().subject;
      seen.push({ client: String(CN), socket, isSessionReused: socket.isSessionReused() });
      return false;
    },
  });
  return {
    receiver,
    seen,
    /** By whose certificates requests came, in the order of their first. */
    get clients() {
      return [...new Set(seen.map((each) => each.client))];
    },
  };
}

function writeCertificates(): { readonly config: BackendConfig; readonly paths: Paths } {
  const folder = makeFolder();
  const paths = {
    ca: join(folder, 'ca.pem'),
    cert: join(folder, 'client.pem'),
    key: join(folder, 'client-key.pem'),
  };
  writeFileSync(paths.ca, ca);
  writeFileSync(paths.cert, client.cert);
  writeFileSync(paths.key, client.key);
  return { paths, config: configOf(paths) };
}

interface Paths {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

function configOf(paths: Paths): BackendConfig {
  return {
    certificate: paths.ca,
    clientCertificate: paths.cert,
    clientKey: paths.key,
    scheduleDelayMs: 5,
  };
}

async function startServer(httpServer: Server): Promise<number> {
  httpServer.listen(0, '127.0.0.1');
  await once(httpServer, 'listening');
  onTestFinished(() => void httpServer.close());
  // A server that listens on a host and a port, and no pipe, has an AddressInfo.
  return (httpServer.address() as AddressInfo).port;
}

const CLIENT = 'signalbox test client';
const NEXT_CLIENT = 'signalbox next test client';

describe('certificates that are replaced under load', () => {
  it.each(['straight', 'through a proxy'])(
    'cost no span, and send none twice: authorities, a torn pair, the pair, the server (%s)',
    async (way) => {
      const before = await startMutual(server, [ca, nextCa]);
      const after = await startMutual(nextServer, [nextCa]);
      const points = await layPoints(before.receiver.port);
      const { paths, config } = writeCertificates();
      const proxy = createConnectProxy();
      const proxied = await startServer(proxy.server);
      const service = startWatchedService({
        backends: {
          rotated: {
            ...config,
            endpoint: `https://127.0.0.1:${points.port}/rotated`,
            ...(way !== 'straight' && { proxy: `http://127.0.0.1:${proxied}` }),
          },
          neighbour: {
            ...configOf(writeCertificates().paths),
            endpoint: `https://127.0.0.1:${before.receiver.port}/neighbour`,
          },
        },
      });
      const made = load(service, 'rotated', 'neighbour');
      const more = async (): Promise<void> => {
        const { delivered } = service.backend('rotated');
        await service.until(({ backends }) => (backends.rotated?.delivered ?? 0) > delivered + 30);
      };
      await more();

      writeFileSync(paths.ca, `${ca}\n${nextCa}`);
      await more();
      writeFileSync(paths.cert, nextClient.cert);
      await eventually(() => service.log.some((line) => line.includes('does not go with its key')));
      await more();
      expect(before.clients).toEqual([CLIENT]);
      writeFileSync(paths.key, nextClient.key);
      await eventually(() => before.clients.includes(NEXT_CLIENT));
      points.turn(after.receiver.port, 'stay');
      writeFileSync(paths.ca, nextCa);
      await eventually(() => after.seen.length > 0);
      await more();
      made.stop();
      await service.processor.forceFlush();

      const taken = [...takenOf(before.receiver, 'rotated'), ...takenOf(after.receiver, 'rotated')];
      expect(taken.toSorted()).toEqual(made.of('rotated').toSorted());
      expect(after.clients).toEqual([NEXT_CLIENT]);
      expect(service.backend('rotated')).toMatchObject({ dropped: {}, state: 'up' });
      if (way !== 'straight') expect(proxy.tunnels.length).toBeGreaterThan(1);

      const neighbours = takenOf(before.receiver, 'neighbour');
      expect(neighbours.toSorted()).toEqual(made.of('neighbour').toSorted());
      expect(service.backend('neighbour')).toMatchObject({ dropped: {}, state: 'up' });
    },
  );

  it('cost no span where the server and the files change in one moment', async () => {
    const before = await startMutual(server, [ca]);
    const after = await startMutual(nextServer, [nextCa]);
    const points = await layPoints(before.receiver.port);
    const secret = mountSecret({ ca, cert: client.cert, key: client.key });
    const service = startWatchedService({
      backends: {
        rotated: {
          ...configOf({
            ca: secret.path('ca'),
            cert: secret.path('cert'),
            key: secret.path('key'),
          }),
          endpoint: `https://127.0.0.1:${points.port}/rotated`,
        },
      },
    });
    const made = load(service, 'rotated');
    await service.until(({ backends }) => (backends.rotated?.delivered ?? 0) > 30);

    points.turn(after.receiver.port, 'break');
    secret.swap({ ca: nextCa, ...nextClient });
    await service.until(() => takenOf(after.receiver, 'rotated').length > 30);
    made.stop();
    await service.processor.forceFlush();

    // A connection that breaks may cost an answer: at least once, and not once only.
    const arrived = [...before.receiver.arrived, ...after.receiver.arrived];
    expect(new Set(arrived)).toEqual(new Set(made.of('rotated')));
    expect(service.backend('rotated')).toMatchObject({ dropped: {} });
    expect(before.clients).toEqual([CLIENT]);
    expect(after.clients).toEqual([NEXT_CLIENT]);
  });

  it('let a request that is under way end on its connection, which is closed then', async () => {
    let release = () => {};
    const held = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    let isFirst = true;
    const { receiver, seen } = await startMutual(server, [ca, nextCa], {
      answer() {
        if (!isFirst) return undefined;
        isFirst = false;
        return held;
      },
    });
    const { paths, config } = writeCertificates();
    const service = startWatchedService({
      backends: { rotated: { ...config, endpoint: `${receiver.url}/rotated` } },
    });
    const slow = service.makeSpans('rotated', 1);
    await eventually(() => seen.length === 1);

    writeFileSync(paths.cert, nextClient.cert);
    writeFileSync(paths.key, nextClient.key);
    const quick: string[] = [];
    await eventually(async () => {
      quick.push(...service.makeSpans('rotated', 1));
      await service.until(({ backends }) => backends.rotated?.delivered === quick.length);
      return seen.at(-1)?.client === NEXT_CLIENT;
    });
    expect(seen[0]?.socket.destroyed).toBe(false);
    release();
    await service.processor.forceFlush();
    await eventually(() => seen[0]?.socket.destroyed === true);

    expect(receiver.taken.toSorted()).toEqual([...slow, ...quick].toSorted());
    const fresh = seen.find((each) => each.client === NEXT_CLIENT);
    expect(fresh?.isSessionReused).toBe(false);
    expect(service.backend('rotated')).toMatchObject({ dropped: {} });
  });

  it.each([
    ['is empty', ''],
    ['is half written', nextCa.slice(0, 200)],
  ])('stay as they were while a file %s', async (_, content) => {
    const { receiver, seen } = await startMutual(server, [ca]);
    const { paths, config } = writeCertificates();
    const service = startWatchedService({
      backends: { rotated: { ...config, endpoint: `${receiver.url}/rotated` } },
    });
    service.makeSpans('rotated', 1);
    await service.processor.forceFlush();
    writeFileSync(paths.ca, content);
    await eventually(() => service.log.some((line) => line.includes('the last good one is used')));
    service.makeSpans('rotated', 1);
    await service.processor.forceFlush();

    expect(service.backend('rotated')).toMatchObject({ delivered: 2, dropped: {} });
    expect(new Set(seen.map(({ socket }) => socket)).size).toBe(1);
  });

  it('are told of for each thing that is wrong with them', async () => {
    const { receiver } = await startMutual(server, [ca]);
    const { paths, config } = writeCertificates();
    const service = startWatchedService({
      backends: { rotated: { ...config, endpoint: `${receiver.url}/rotated` } },
    });
    service.makeSpans('rotated', 1);
    await service.processor.forceFlush();
    for (const [content, what] of [
      ['', 'has no certificate that can be read'],
      [nextClient.cert, 'does not go with its key'],
    ] as const) {
      writeFileSync(paths.cert, content);
      await eventually(() => service.log.some((line) => line.includes(`client.pem" ${what}`)));
    }
  });

  it('that the server refuses for good are final, as ever', async () => {
    const { receiver } = await startMutual(nextServer, [nextCa]);
    const { config } = writeCertificates();
    const service = startWatchedService({
      backends: { rotated: { ...config, endpoint: `${receiver.url}/rotated` } },
    });
    service.makeSpans('rotated', 3);
    await service.processor.forceFlush();
    expect(service.backend('rotated')).toMatchObject({ dropped: { refused: 3 } });
  });
});
