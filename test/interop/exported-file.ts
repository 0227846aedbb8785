import { existsSync, readFileSync } from 'node:fs';
import { decodeRequest } from '../../src/receiver/decode.js';
import type { ReceivedSpan } from '../../src/receiver/received.js';

/** The spans that a Collector's file exporter has written, as OTLP JSON in lines. */
export function readExported(path: string): ReceivedSpan[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  // The last one may be half written.
  return lines.slice(0, -1).flatMap((line) => {
    const spans = decodeRequest('application/json', Buffer.from(line));
    if (spans instanceof Error) throw spans;
    return spans;
  });
}

/** Resolves with {@link readExported} once there are so many. */
export async function waitForExported(path: string, count: number): Promise<ReceivedSpan[]> {
  const giveUpAt = Date.now() + 30_000;
  for (;;) {
    const spans = readExported(path);
    if (spans.length >= count) return spans;
    if (Date.now() > giveUpAt) throw new Error(`${count} spans expected, ${spans.length} there`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
