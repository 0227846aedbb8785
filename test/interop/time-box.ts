/**
 * Longest that an optional receiver's installation may take: `SIGNALBOX_INTEROP_MINUTES`, ten by default. What takes longer
 * is skipped, and says so.
 */
export function timeBoxMs(): number {
  const minutes = Number(process.env.SIGNALBOX_INTEROP_MINUTES ?? 10);
  // 0 would be no limit at all.
  return Math.max(minutes * 60_000, 1);
}
