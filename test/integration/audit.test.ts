import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { type AuditEvent, type SignalboxConfig, withRoute } from '../../src/index.js';
import type { Answer } from '../../src/receiver/receiver.js';
import { makeFolder } from '../helpers/folder.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { type Service, startService } from '../helpers/service.js';

const project = { type: 'project', id: 'b1a9', name: 'checkout' };
const resources = gzipSync(JSON.stringify([project])).toString('base64');

/** A Braintrust deployment that tells of every request what it is asked for. */
async function startDeployment(headers: Answer['headers'] = {}): Promise<TestReceiver> {
  const receiver = await startReceiver({
    answer: (request) =>
      request.headers['x-bt-enable-audit'] === 'true'
        ? {
            headers: {
              'x-request-id': 'r1',
              'x-bt-audit-user-id': 'u1',
              'x-bt-audit-user-email': 'ada@example.com',
              'x-bt-audit-normalized-url': '/otel/v1/traces',
              'x-bt-audit-resources': resources,
              ...headers,
            },
          }
        : undefined,
  });
  onTestFinished(() => receiver.stop());
  return receiver;
}

async function deliver(
  { url }: TestReceiver,
  config: Partial<SignalboxConfig>,
  auditHeaders = true,
): Promise<Service> {
  const service = startService({
    backends: {
      standard: {
        preset: 'braintrust',
        endpoint: url,
        parent: 'project_name:checkout',
        auditHeaders,
      },
    },
    ...config,
  });
  onTestFinished(() => service.stop());
  withRoute('standard', () => {
    for (let count = 0; count < 3; count += 1) service.inSpan('work', () => {});
  });
  await service.processor.forceFlush();
  expect(service.processor.stats().backends.standard).toMatchObject({ delivered: 3, dropped: {} });
  return service;
}

it('tells of each request who was authenticated, and what it touched', async () => {
  const events: AuditEvent[] = [];
  await deliver(await startDeployment(), { onAudit: (event) => events.push(event) });
  expect(events).toEqual([
    {
      backend: 'standard',
      at: expect.any(Number),
      httpStatus: 200,
      spans: 3,
      requestId: 'r1',
      userId: 'u1',
      userEmail: 'ada@example.com',
      normalizedUrl: '/otel/v1/traces',
      resources: [project],
    },
  ]);
});

it('writes it to the log, which is whole when the processor has shut down', async () => {
  const auditLog = join(makeFolder(), 'audit.log');
  const { processor } = await deliver(await startDeployment(), { auditLog });
  await processor.shutdown();
  const [line = '', ...others] = readFileSync(auditLog, 'utf8').trimEnd().split('\n');
  expect(JSON.parse(line)).toMatchObject({ backend: 'standard', spans: 3, resources: [project] });
  expect(others).toEqual([]);
});

it('asks for nothing unless it is configured', async () => {
  const events: AuditEvent[] = [];
  const deployment = await startDeployment();
  await deliver(deployment, { onAudit: (event) => events.push(event) }, false);
  expect(deployment.requests[0]?.headers).not.toHaveProperty('x-bt-enable-audit');
  expect(events).toEqual([]);
});

it.each([
  ['no headers', { 'x-bt-audit-resources': undefined }, undefined],
  ['no base64', { 'x-bt-audit-resources': '{}' }, 'is not base64'],
  ['a bomb', { 'x-bt-audit-resources': bomb() }, 'inflates to over'],
])('takes %s for what it is, and the export goes on', async (_, headers, fault) => {
  const events: AuditEvent[] = [];
  // A header that is undefined is not sent.
  const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value));
  const receiver = await startReceiver({ answer: () => ({ headers: given }) });
  onTestFinished(() => receiver.stop());
  await deliver(receiver, { onAudit: (event) => events.push(event) });
  expect(events).toMatchObject([{ spans: 3, resources: [] }]);
  if (fault === undefined) expect(events[0]).not.toHaveProperty('fault');
  else expect(events[0]?.fault).toContain(fault);
});

it.each([
  [
    'throws',
    () => {
      throw new Error('no');
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('no');
    },
  ],
])('survives a function that %s', async (_, onAudit) => {
  await deliver(await startDeployment(), { onAudit });
});

/** Inflates to 8 MiB, and fits into a header. */
function bomb(): string {
  return gzipSync(Buffer.alloc(8 * 1024 * 1024), { level: 9 }).toString('base64');
}
