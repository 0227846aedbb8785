// @ts-check
import { setTimeout as wait } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import { setRoute, withBoundary } from 'signalbox';

const tracer = trace.getTracer('database');

/** @type {Record<string, string>} */
const sessions = { 'session-1': 'acme', 'session-2': 'globex', 'session-3': 'initech' };

/**
 * @param {Request} request
 * @param {{ params: Promise<{ id: string }> }} context
 * @returns {Promise<Response>}
 */
export function GET(request, { params }) {
  return withBoundary(async () => {
    const tenant = await query('SELECT sessions', () => sessions[sessionOf(request)]);
    if (tenant === undefined) return new Response(null, { status: 401 });
    setRoute(tenant);
    const { id } = await params;
    return Response.json(await query('SELECT notes', () => ({ id, text: 'Water the plants.' })));
  });
}

/** @param {Request} request */
function sessionOf(request) {
  return request.headers.get('authorization')?.replace(/^Bearer /, '') ?? '';
}

/**
 * Stands for a database and its instrumentation.
 *
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
