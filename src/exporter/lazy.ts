import type { Deadline } from '../deadline.js';
import type { ClosingReason, Exporter, ExporterRole } from './exporter.js';
import type { Standby } from './failover.js';

/**
 * Creates an exporter that is made when the first span comes: of a thousand tenants' backends most are
 * idle at any time, and an idle one should take next to nothing.
 */
export function createLazyExporter(
  name: string,
  role: ExporterRole,
  create: () => Exporter,
): Exporter {
  let exporter: Exporter | undefined;
  let closing: Deadline | undefined;
  let closingReason: ClosingReason | undefined;
  let standby: Standby | undefined;

  function open(): Exporter {
    const opened = create();
    opened.failover?.setStandby(standby);
    // It comes too late for its first span, which it counts and drops.
    if (closing !== undefined) void opened.shutdown(closing, closingReason);
    return opened;
  }

  return {
    name,
    role,
    oldestQueuedAtMs: () => exporter?.oldestQueuedAtMs(),
    accept(span) {
      exporter ??= open();
      return exporter.accept(span);
    },
    failover: {
      setStandby(next) {
        standby = next;
        exporter?.failover?.setStandby(next);
      },
      canTake(spans, bytes) {
        if (closing !== undefined) return false;
        exporter ??= open();
        return exporter.failover?.canTake(spans, bytes) ?? false;
      },
      async takeOver(handover) {
        exporter ??= open();
        await exporter.failover?.takeOver(handover);
      },
      yieldAll: () => exporter?.failover?.yieldAll(),
    },
    async settle(ranges, deadline) {
      return exporter === undefined || exporter.settle(ranges, deadline);
    },
    async flush(deadline) {
      return exporter === undefined || exporter.flush(deadline);
    },
    async shutdown(deadline, reason) {
      closing ??= deadline;
      closingReason ??= reason;
      await exporter?.shutdown(deadline, reason);
    },
  };
}
