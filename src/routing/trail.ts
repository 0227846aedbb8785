import type { Exporter } from '../exporter/exporter.js';
import { extendRanges, type SequenceRanges } from '../exporter/sequence-ranges.js';

/** Which of a decision's spans one exporter has taken. A list, since there is one exporter as a rule. */
export interface Trail {
  readonly exporter: Exporter;
  readonly ranges: SequenceRanges;
  readonly next: Trail | undefined;
}

/** Adds a span that the exporter has taken under this sequence number. */
export function extendTrail(
  trail: Trail | undefined,
  exporter: Exporter,
  sequence: number,
): Trail | undefined {
  // It was dropped at once, and is settled.
  if (sequence < 0) return trail;
  for (let each = trail; each !== undefined; each = each.next) {
    if (each.exporter !== exporter) continue;
    extendRanges(each.ranges, sequence);
    return trail;
  }
  return { exporter, ranges: [sequence, sequence + 1], next: trail };
}

/** Resolves when all spans of a trail are settled, or `deadline` does. */
export async function settleTrail(
  trail: Trail | undefined,
  deadline: Promise<void>,
): Promise<void> {
  const settled: Promise<boolean>[] = [];
  for (let each = trail; each !== undefined; each = each.next) {
    settled.push(each.exporter.settle(each.ranges, deadline));
  }
  await Promise.all(settled);
}
