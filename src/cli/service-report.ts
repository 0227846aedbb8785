import { request } from 'undici';
import { z } from 'zod';
import { readBoundedText } from '../bounded-text.js';
import { maskUrl } from '../config/mask.js';
import { parseJson } from '../parse-json.js';

/** Longest that a service may take to answer, in milliseconds. */
const TIMEOUT_MS = 10_000;

// Loose, as the service may be of another version: an outcome that is not known here is shown all the same.
const decisionSchema = z.object({
  // As far as a Date goes.
  at: z.number().min(0).max(8.64e15),
  outcome: z.string(),
  by: z.string(),
  key: z.string().optional(),
  backends: z.array(z.string()).optional(),
  dropped: z.string().optional(),
  traceId: z.string().optional(),
});

/** A decision as another process tells of it: a `RecentDecision` of its version of signalbox. */
export type ReportedDecision = z.infer<typeof decisionSchema>;

/** What a service says of its recent decisions, the newest first, or why it can not be asked. */
export type ServiceReport =
  | { readonly decisions: readonly ReportedDecision[] }
  | { readonly problem: string };

/** Asks a service's `statsHandler`. Follows no redirect, and never rejects. */
export async function askService(url: URL): Promise<ServiceReport> {
  const place = maskUrl(url.href);
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (statusCode !== 200) {
      await body.dump();
      return { problem: `${place} answered with HTTP ${statusCode}` };
    }
    const text = await readBoundedText(body);
    if (text === undefined) return { problem: `${place} gives an answer that is too large` };
    const report = z
      .object({ recentDecisions: z.array(decisionSchema) })
      .safeParse(parseJson(text));
    if (report.success) return { decisions: report.data.recentDecisions };
    return { problem: `${place} did not answer as a statsHandler of signalbox does` };
  } catch (error) {
    return { problem: `${place} can not be asked: ${describe(error)}` };
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`;
  return 'code' in error ? String(error.code) : error.name;
}
