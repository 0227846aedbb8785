import { describe, expect, it } from 'vitest';
import { openReceiver } from '../integration/backends.js';
import { startMonitoringReceiver } from '../monitoring/monitoring-receiver.js';
import { SERVE, startScript } from './service.js';

// Ends a while after the signal, as no test would wait for a profile of 10 s.
const ENDS_AFTER_SIGNAL = `
  process.on('SIGUSR2', () => setTimeout(() => process.kill(process.pid, 'SIGTERM'), 200));
  ${SERVE}`;

describe('on SIGUSR2', () => {
  it('an application with memprof sends a heap profile, at its end at the latest', async () => {
    const receiver = await openReceiver();
    const monitor = await startMonitoringReceiver();
    const child = startScript(receiver.url, ENDS_AFTER_SIGNAL, {
      SIGNALBOX_MONITORING_ENDPOINT: monitor.url,
      SIGNALBOX_MONITORING_TELEMETRY: 'memprof',
    });
    await child.receive();
    child.kill('SIGUSR2');

    expect(await child.ended).toEqual({ code: null, signal: 'SIGTERM', stdout: '', stderr: '' });
    expect(monitor.logs()).toEqual([
      {
        eventName: 'signalbox.heap_profile',
        body: expect.stringContaining('"functionName":"(root)"'),
        attributes: {
          'signalbox.profile.format': 'heapprofile',
          'signalbox.profile.ms': expect.any(Number),
        },
      },
    ]);
  });

  it('an application without it ends, as without signalbox', async () => {
    const receiver = await openReceiver();
    const monitor = await startMonitoringReceiver();
    const child = startScript(receiver.url, SERVE, {
      SIGNALBOX_MONITORING_ENDPOINT: monitor.url,
    });
    await child.receive();
    child.kill('SIGUSR2');
    expect(await child.ended).toMatchObject({ code: null, signal: 'SIGUSR2' });
  });
});
