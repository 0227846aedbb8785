import { onTestFinished } from 'vitest';
import type { BackendConfig } from '../../src/config/options.js';
import { withRoute } from '../../src/index.js';
import type { ReceivedSpan } from '../../src/receiver/received.js';
import { startReceiver } from '../helpers/receiver.js';
import { startService } from '../helpers/service.js';
import { makeVariedSpans } from './varied-spans.js';

/** Sends varied spans to a backend, and returns what a receiver of our own has read of the same. */
export async function sendVariedSpans(backend: BackendConfig): Promise<readonly ReceivedSpan[]> {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  const witness = { endpoint: `${receiver.url}/witness` };
  const service = startService({
    backends: { backend, witness },
    routes: { all: ['backend', 'witness'] },
  });
  onTestFinished(() => service.stop());
  const count = withRoute('all', () => makeVariedSpans(service.tracer));
  await service.provider.forceFlush();
  const { delivered, dropped } = service.processor.stats().backends.backend ?? {};
  if (delivered !== count) {
    throw new Error(`${delivered} of ${count} delivered, dropped ${JSON.stringify(dropped)}`);
  }
  return receiver.spans('witness');
}
