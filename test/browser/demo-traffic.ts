import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { sendRequests, startModel } from '../../examples/demo/traffic.mjs';

const demo = (name: string) => new URL(`../../examples/demo/${name}`, import.meta.url);

const started = z.object({ address: z.object({ port: z.number() }) });
const stopped = z.object({ madeSpanIds: z.array(z.string()) });

/**
 * Runs the service of the demo, its clients and its model, with both backends at a sink.
 *
 * @returns the ids of all spans that the service made
 */
export async function runDemoTraffic(sinkUrl: string, requests: number): Promise<string[]> {
  const model = await startModel();
  const service = fork(fileURLToPath(demo('service.mjs')), {
    execArgv: ['--import', demo('telemetry.mjs').href],
    env: {
      PATH: process.env.PATH,
      DEMO_MODEL_URL: model.url,
      SIGNALBOX_BACKENDS: 'standard,byoc',
      SIGNALBOX_ROUTES: 'initech=standard,acme=byoc,umbrella=byoc',
      SIGNALBOX_DEFAULT_ROUTE: 'standard',
      SIGNALBOX_UNKNOWN_ROUTE: 'default',
      SIGNALBOX_BACKEND_STANDARD_PRESET: 'braintrust',
      SIGNALBOX_BACKEND_STANDARD_ENDPOINT: `${sinkUrl}/standard`,
      SIGNALBOX_BACKEND_STANDARD_API_KEY: 'sk-standard-demo',
      SIGNALBOX_BACKEND_STANDARD_PARENT: 'project_name:demo',
      SIGNALBOX_BACKEND_BYOC_PRESET: 'braintrust',
      SIGNALBOX_BACKEND_BYOC_ENDPOINT: `${sinkUrl}/byoc`,
      SIGNALBOX_BACKEND_BYOC_API_KEY: 'sk-byoc-demo',
      SIGNALBOX_BACKEND_BYOC_PARENT: 'project_name:demo',
      SIGNALBOX_BACKEND_BYOC_PROTOCOL: 'http/json',
      SIGNALBOX_BACKEND_BYOC_COMPRESSION: 'gzip',
      OTEL_BSP_SCHEDULE_DELAY: '200',
    },
  });
  const [first] = await once(service, 'message');
  const { address } = started.parse(first);
  await sendRequests(`http://127.0.0.1:${address.port}`, { total: requests, concurrency: 10 });
  service.send('stop');
  const [last] = await once(service, 'message');
  model.stop();
  return stopped.parse(last).madeSpanIds;
}
