import type { HeldSpan } from './held-span.js';
import type { WaterfallSpan } from './messages.js';

interface Node {
  readonly first: HeldSpan;
  readonly copies: HeldSpan[];
  readonly children: Node[];
  isOrphan: boolean;
}

/**
 * Puts a trace's spans into the order of its waterfall: parents before their children, siblings by their start;
 * copies of one span together. A span whose parent is not here stands at the top, and so does one of a circle of
 * parents, which nothing forbids on the wire.
 */
export function layOut(spans: readonly HeldSpan[], startMs: number): WaterfallSpan[] {
  const nodes = new Map<string, Node>();
  for (const span of spans) {
    const known = nodes.get(span.spanId);
    if (known !== undefined) known.copies.push(span);
    else nodes.set(span.spanId, { first: span, copies: [span], children: [], isOrphan: false });
  }
  const tops: Node[] = [];
  for (const node of nodes.values()) {
    const { parentSpanId } = node.first;
    const parent = parentSpanId === node.first.spanId ? undefined : nodes.get(parentSpanId);
    if (parent !== undefined) {
      parent.children.push(node);
    } else {
      node.isOrphan = parentSpanId !== '';
      tops.push(node);
    }
  }

  const rows: WaterfallSpan[] = [];
  const seen = new Set<Node>();
  for (const top of tops.sort(byStart)) walk(top);
  // What is left is in circles, or hangs below one.
  for (const node of nodes.values()) {
    if (seen.has(node)) continue;
    node.isOrphan = true;
    walk(node);
  }
  return rows;

  /** A loop with a stack of its own: a chain of 100,000 spans is deeper than the machine's. */
  function walk(top: Node): void {
    const open: { readonly row: { descendants: number }; readonly at: number }[] = [];
    const stack: { readonly node: Node; readonly depth: number }[] = [{ node: top, depth: 0 }];
    for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
      const { node, depth } = entry;
      if (seen.has(node)) continue;
      seen.add(node);
      close(depth);
      const row = toRow(node, depth, startMs);
      open.push({ row, at: rows.length });
      rows.push(row);
      for (const child of node.children.sort(byStart).toReversed()) {
        stack.push({ node: child, depth: depth + 1 });
      }
    }
    close(0);

    function close(depth: number): void {
      while (open.length > depth) {
        const ended = open.pop();
        if (ended !== undefined) ended.row.descendants = rows.length - 1 - ended.at;
      }
    }
  }
}

function byStart(a: Node, b: Node): number {
  return a.first.startMs - b.first.startMs || a.first.number - b.first.number;
}

function toRow(
  { first, copies, isOrphan }: Node,
  depth: number,
  startMs: number,
): WaterfallSpan & { descendants: number } {
  return {
    spanId: first.spanId,
    depth,
    descendants: 0,
    isOrphan,
    name: first.name.slice(0, MAX_NAME_LENGTH),
    service: first.service,
    key: first.key,
    kind: first.kind,
    isError: first.isError,
    offsetMs: first.startMs - startMs,
    durationMs: first.durationMs,
    copies: copies.map(({ number, backend }) => ({ number, backend })),
  };
}

const MAX_NAME_LENGTH = 300;
