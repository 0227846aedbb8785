// @ts-check
// Stands for a database and its instrumentation.

import { setTimeout as wait } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';

const tracer = trace.getTracer('database');

/** @type {Record<string, string>} */
const tenants = { 'api-key-1': 'acme', 'api-key-2': 'globex', 'api-key-3': 'initech' };

/** @param {string | undefined} apiKey */
export function findTenant(apiKey = '') {
  return query('SELECT api_keys', () => tenants[apiKey]);
}

/** @param {string} id */
export function findOrder(id) {
  return query('SELECT orders', () => ({ id, status: 'sent' }));
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
