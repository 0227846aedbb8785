// @ts-check
import { setTimeout as wait } from 'node:timers/promises';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { setRoute, withBoundary, withRoute } from 'signalbox';
import { receiveBatches } from './queue.mjs';
import { provider } from './telemetry.mjs';

const tracer = trace.getTracer('worker');

for await (const batch of receiveBatches(12)) {
  // One span for messages of several tenants: it belongs to none of them.
  await tracer.startActiveSpan('receive', { kind: SpanKind.CONSUMER }, async (span) => {
    span.setAttribute('messaging.batch.message_count', batch.length);
    try {
      await Promise.all(batch.map(handle));
    } finally {
      span.end();
    }
  });
}
await provider.shutdown();

/** @param {import('./queue.mjs').Message} message */
function handle(message) {
  const batch = trace.getActiveSpan()?.spanContext();
  const links = batch === undefined ? [] : [{ context: batch }];
  // Each message goes on with the trace of whoever sent it, as OpenTelemetry's conventions for messaging advise.
  return context.with(propagation.extract(context.active(), message.headers), () => {
    const { tenant, invoice } = message;
    if (tenant !== undefined) return withRoute(tenant, () => work(message, links));
    return withBoundary(async () => {
      // Whose it is turns out on the way: what the message has done so far follows.
      setRoute(await findTenant(invoice));
      await work(message, links);
    });
  });
}

/**
 * @param {import('./queue.mjs').Message} message
 * @param {import('@opentelemetry/api').Link[]} links
 */
function work(message, links) {
  const attributes = { 'messaging.message.id': message.id };
  const options = { kind: SpanKind.CONSUMER, attributes, links };
  return tracer.startActiveSpan('process', options, async (span) => {
    try {
      await query('UPDATE invoices');
    } finally {
      span.end();
    }
  });
}

/** @param {string | undefined} invoice */
async function findTenant(invoice = '') {
  await query('SELECT invoices');
  return invoice.split('-', 1)[0] ?? '';
}

/**
 * Stands for a database and its instrumentation.
 *
 * @param {string} name
 */
function query(name) {
  return tracer.startActiveSpan(name, async (span) => {
    await wait(2);
    span.end();
  });
}
