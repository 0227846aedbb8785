import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { withRoute } from '../../src/index.js';
import { eventually } from '../helpers/eventually.js';
import { startService } from '../helpers/service.js';
import { collectorConfig } from './collector-config.js';
import { createOtelcol } from './otelcol.js';

/** What the numbers of docs/scaling.md are made with: SIGNALBOX_COST=1 npm run test:interop -- test/interop/cost.test.ts */
const isAsked = process.env.SIGNALBOX_COST === '1' && process.platform === 'linux';

const SPANS = 200_000;
const KEYS = 64;

test.runIf(isAsked)('prints what a span costs in each tier', async () => {
  let bytes = 0;
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const names = Array.from({ length: KEYS }, (_, index) => `b${index}`);
  const settings: NodeJS.ProcessEnv = {
    SIGNALBOX_BACKENDS: names.join(','),
    OTEL_BSP_SCHEDULE_DELAY: '200',
    ...Object.fromEntries(
      names.map((name) => [
        `SIGNALBOX_BACKEND_${name.toUpperCase()}_ENDPOINT`,
        `http://127.0.0.1:${port}/${name}`,
      ]),
    ),
  };
  const gateway = await createOtelcol({ config: await collectorConfig(settings), env: settings });
  await gateway.start();
  const agent = await createOtelcol({
    config: await collectorConfig(
      settings,
      '--tier',
      'agents',
      '--gateways',
      `${gateway.grpc},${gateway.grpc.replace('127.0.0.1', 'localhost')}`,
    ),
  });
  await agent.start();
  const service = startService({
    backends: { fleet: { preset: 'collector', endpoint: agent.url } },
  });
  onTestFinished(() => service.stop());
  const attributes = {
    'http.request.method': 'GET',
    'url.path': '/cart',
    'http.response.status_code': 200,
    'user.id': 'u-1234567',
    'server.address': 'shop.example',
  };
  for (let made = 0; made < SPANS; made += 500) {
    withRoute(names[(made / 500) % KEYS] ?? '', () => {
      for (let one = 0; one < 500; one += 1) {
        service.inSpan('GET /cart', (span) => span.setAttributes(attributes));
      }
    });
    if (made % 10_000 === 0) await service.provider.forceFlush();
  }
  await service.provider.forceFlush();
  let last = -1;
  await eventually(async () => {
    if (bytes === last) return true;
    last = bytes;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    return false;
  });
  const perSpan = (ms: number) => `${((ms * 1000) / SPANS).toFixed(1)} µs`;
  console.log(
    `agent: ${perSpan(agent.cpuMs())}, gateway: ${perSpan(gateway.cpuMs())} of CPU a span`,
  );
  console.log(`${Math.round(bytes / SPANS)} bytes a span at the backends, ${KEYS} keys`);
  expect(service.processor.stats().backends.fleet?.dropped).toEqual({});
});
