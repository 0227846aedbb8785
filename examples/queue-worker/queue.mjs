// @ts-check
// Stands for a queue's client. Messages come on standard input, one as JSON in each line; its end is the queue's.

import { createInterface } from 'node:readline';

/**
 * @typedef {object} Message
 * @property {string} id
 * @property {Record<string, string>} headers the trace context of whoever sent it among them
 * @property {string} [tenant]
 * @property {string} [invoice] where the tenant is not named
 */

/**
 * Receives messages as they have come, some at a time.
 *
 * @param {number} size
 * @returns {AsyncGenerator<Message[]>}
 */
export async function* receiveBatches(size) {
  /** @type {Message[]} */
  let batch = [];
  for await (const line of createInterface({ input: process.stdin })) {
    batch.push(JSON.parse(line));
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
