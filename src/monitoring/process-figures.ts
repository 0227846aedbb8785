import { performance } from 'node:perf_hooks';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import type { Metric, MetricMaker } from './metric-data.js';

/**
 * `metrics`, the part of it that is the process's. Names and units are those of the semantic conventions for process and
 * Node.js metrics (https://opentelemetry.io/docs/specs/semconv/runtime/nodejs-metrics).
 */
export function processMetrics(make: MetricMaker): Metric[] {
  const { user, system } = process.cpuUsage();
  const { utilization } = performance.eventLoopUtilization();
  return [
    ...make.counter(
      { name: 'process.cpu.time', unit: 's', description: 'CPU time that the process has used.' },
      [
        { value: user / 1e6, attributes: { 'cpu.mode': 'user' } },
        { value: system / 1e6, attributes: { 'cpu.mode': 'system' } },
      ],
    ),
    ...make.upDownCounter(
      {
        name: 'process.memory.usage',
        unit: 'By',
        description: 'Physical memory that the process takes.',
      },
      [{ value: process.memoryUsage.rss() }],
    ),
    ...make.gauge(
      {
        name: 'process.uptime',
        unit: 's',
        description: 'Time since the process started.',
      },
      [{ value: process.uptime() }],
    ),
    ...make.gauge(
      {
        name: 'nodejs.eventloop.utilization',
        unit: '1',
        description: 'Share of the time since the start in which the event loop was busy.',
      },
      [{ value: utilization }],
    ),
  ];
}

/** `memprof`: what V8 says of its heap, and the memory beside it. */
export function heapMetrics(make: MetricMaker): Metric[] {
  const { heap_size_limit: limit } = getHeapStatistics();
  const { external, arrayBuffers } = process.memoryUsage();
  const spaces = getHeapSpaceStatistics().map((space) => ({
    used: space.space_used_size,
    size: space.space_size,
    attributes: { 'v8js.heap.space.name': space.space_name },
  }));
  return [
    ...make.upDownCounter(
      {
        name: 'v8js.memory.heap.used',
        unit: 'By',
        description: 'Heap memory that is in use, by space.',
      },
      spaces.map(({ used: value, attributes }) => ({ value, attributes })),
    ),
    ...make.upDownCounter(
      {
        name: 'v8js.memory.heap.limit',
        unit: 'By',
        description: 'Heap memory that is allocated, by space.',
      },
      spaces.map(({ size: value, attributes }) => ({ value, attributes })),
    ),
    ...make.gauge(
      {
        name: 'signalbox.process.heap.max',
        unit: 'By',
        description: 'What the heap may grow to.',
      },
      [{ value: limit }],
    ),
    ...make.upDownCounter(
      {
        name: 'signalbox.process.external',
        unit: 'By',
        description: 'Memory beside the heap that objects on it hold, that of buffers included.',
      },
      [{ value: external }],
    ),
    ...make.upDownCounter(
      {
        name: 'signalbox.process.array_buffers',
        unit: 'By',
        description: 'Memory of buffers.',
      },
      [{ value: arrayBuffers }],
    ),
  ];
}
