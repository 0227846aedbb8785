import { it } from 'vitest';
import { startReceiver } from '../helpers/receiver.js';
import { startService } from '../helpers/service.js';
it('dbg', async () => {
  const r = await startReceiver();
  const s = startService({ backends: { c: { endpoint: `${r.url}/0-c`, scheduleDelayMs: 5000, maxExportBatchSize: 512, maxConcurrentExports: 1 } , d: {endpoint: `${r.url}/0-d`}}, defaultRoute: 'c', parkMaxSpans: 1 });
  const span = s.tracer.startSpan('x');
  console.log(JSON.stringify(s.processor.stats()));
  span.end();
  console.log(JSON.stringify(s.processor.stats()));
  await s.provider.forceFlush();
  console.log(JSON.stringify(s.processor.stats()), r.requests.length);
  await s.stop();
  console.log(JSON.stringify(s.processor.stats()), r.requests.length);
  await r.stop();
});
