import type { RouteTarget } from '../config/resolved.js';
import { WHOLE_SHARE } from '../config/route-targets.js';
import type { Exporter } from '../exporter/exporter.js';
import { createTracePlace } from './share.js';

/** Which of a route's exporters a trace goes to. */
export type ChooseExporters = (traceId: string) => readonly Exporter[];

/** Where a target's part of the line begins and ends. */
interface Part {
  readonly from: number;
  readonly to: number;
}

/**
 * Creates the choice of a route some of whose backends have shares; `undefined` where every trace goes to all.
 *
 * Backends that are no shadows have their shares side by side; those of shadows all begin where the line does. So a
 * backend whose share is raised keeps the traces that it had, where its place among the others is the same, and the part
 * of a shadow is that of the route's first share.
 *
 * @param exporters - Of the targets, in their order.
 */
export function createChoice(
  routeKey: string,
  targets: readonly RouteTarget[],
  exporters: readonly Exporter[],
): ChooseExporters | undefined {
  if (targets.every(({ share }) => share === undefined)) return undefined;
  const parts = layOut(targets);
  const ends = [...new Set([...parts.flatMap(({ from, to }) => [from, to]), WHOLE_SHARE])]
    .filter((end) => end > 0)
    .sort((one, other) => one - other);
  // One list for each stretch of the line: none is made for a span.
  const chosen = ends.map((end, index) => {
    const from = ends[index - 1] ?? 0;
    return exporters.filter((_, target) => {
      const part = parts[target];
      return part !== undefined && part.from <= from && part.to >= end;
    });
  });
  const placeOf = createTracePlace(routeKey);
  return (traceId) => {
    const place = placeOf(traceId);
    let index = 0;
    while (place >= (ends[index] ?? WHOLE_SHARE) && index < ends.length - 1) index += 1;
    return chosen[index] ?? [];
  };
}

function layOut(targets: readonly RouteTarget[]): Part[] {
  let laid = 0;
  return targets.map(({ role, share }) => {
    if (share === undefined) return { from: 0, to: WHOLE_SHARE };
    const from = role === 'shadow' ? 0 : laid;
    if (role === 'primary') laid += share;
    return { from, to: from + share };
  });
}
