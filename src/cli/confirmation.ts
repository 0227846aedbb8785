import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { readBoundedText } from '../bounded-text.js';
import type { Backend } from '../config/resolved.js';
import type { ReadableSpan } from '../sdk.js';

/**
 * Whether a backend has a span: `unsupported` where it can not be asked, as most can not; `missing` where it can, and
 * has not shown it in time.
 */
export type Confirmation = 'confirmed' | 'missing' | 'unsupported';

/** How long a span may take to be found, and the pause between two questions, in milliseconds. */
const PATIENCE_MS = 3_000;
const PAUSE_MS = 250;

const answerSchema = z.object({ spans: z.array(z.object({ spanId: z.string() })) });

/**
 * Asks a backend for a span that it has taken: `GET /api/spans?trace=<id>`, as the receiver of `signalbox sink` answers
 * it. No credentials are sent, no proxy is used and no redirect is followed. Never rejects.
 */
export async function confirm(backend: Backend, span: ReadableSpan): Promise<Confirmation> {
  const { url, proxy, tls } = backend;
  if (url === undefined || proxy !== undefined) return 'unsupported';
  const { traceId, spanId } = span.spanContext();
  const question = new URL(`/api/spans?trace=${traceId}`, url);
  const dispatcher = new Agent({ connect: { ...tls, rejectUnauthorized: true } });
  const until = performance.now() + PATIENCE_MS;
  try {
    for (;;) {
      const ids = await ask(question, dispatcher);
      if (ids === undefined) return 'unsupported';
      if (ids.includes(spanId)) return 'confirmed';
      if (performance.now() >= until) return 'missing';
      await wait(PAUSE_MS);
    }
  } finally {
    await dispatcher.destroy();
  }
}

/** The ids of the trace's spans; `undefined` where this is no question that the backend answers. */
async function ask(url: URL, dispatcher: Agent): Promise<string[] | undefined> {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const { statusCode, body } = await request(url, { dispatcher, signal });
    if (statusCode !== 200) {
      await body.dump();
      return undefined;
    }
    const text = await readBoundedText(body);
    if (text === undefined) return undefined;
    return answerSchema.parse(JSON.parse(text)).spans.map(({ spanId }) => spanId);
  } catch {
    // It has taken the span, and says nothing that can be read here: it can not be asked.
    return undefined;
  }
}
