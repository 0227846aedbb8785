// @ts-check
// Stands for a database and its instrumentation.

import { setTimeout as wait } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';

const tracer = trace.getTracer('database');

/** @type {Record<string, string>} */
const regions = { 'token-1': 'eu', 'token-2': 'us' };

/** @param {string | undefined} authorization */
export function findRegion(authorization = '') {
  return query('SELECT accounts', () => regions[authorization.replace(/^Bearer /, '')]);
}

/** @param {string} report */
export async function* readRows(report) {
  for (const page of [1, 2]) {
    yield await query('SELECT rows', () => `${report}, page ${page}\n`);
  }
}

/**
 * @template T
 * @param {string} name
 * @param {() => T} answer
 * @returns {Promise<T>}
 */
function query(name, answer) {
  return tracer.startActiveSpan(name, async (span) => {
    await wait(5);
    span.end();
    return answer();
  });
}
