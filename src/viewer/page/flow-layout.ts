import type { FlowLink } from '../messages.js';

/** A bar at one side of the diagram. */
export interface FlowNode {
  /** `null` stands for all keys that are not named. */
  readonly name: string | null;
  readonly spans: number;
  readonly y: number;
  readonly height: number;
}

/** A band from a key to a backend. */
export interface FlowRibbon extends FlowLink {
  readonly leftY: number;
  readonly rightY: number;
  readonly thickness: number;
}

/** Where everything in the diagram is. */
export interface FlowLayout {
  readonly keys: readonly FlowNode[];
  readonly backends: readonly FlowNode[];
  readonly ribbons: readonly FlowRibbon[];
  readonly height: number;
}

/** Between bars; room for a label. */
const GAP = 20;

/** So that one span among a million can be seen, and clicked. */
const MIN_THICKNESS = 2;

/**
 * Lays the diagram out: heights by spans, the same scale at both sides. It is `wantedHeight` high, or higher where
 * the labels of many keys need it.
 */
export function layOutFlow(links: readonly FlowLink[], wantedHeight: number): FlowLayout {
  const backends = sumBy(links, ({ backend }) => backend).sort(byName);
  const keys = sumBy(links, ({ key }) => key).sort(byMiddle(links, backends));
  const total = links.reduce((sum, { spans }) => sum + spans, 0);
  const most = Math.max(keys.length, backends.length);
  const room = Math.max(wantedHeight - GAP * most, 60);
  const scale = total === 0 ? 0 : room / total;
  const thicknessOf = (spans: number) => Math.max(MIN_THICKNESS, spans * scale);

  const nodesOf = (
    sums: readonly (readonly [string | null, number])[],
    side: 'key' | 'backend',
  ) => {
    let y = 0;
    const nodes = sums.map(([name, spans]): FlowNode => {
      const own = links.filter((link) => link[side] === name);
      const height = own.reduce((sum, link) => sum + thicknessOf(link.spans), 0);
      const node = { name, spans, y, height };
      y += height + GAP;
      return node;
    });
    return { nodes, height: Math.max(0, y - GAP) };
  };
  const left = nodesOf(keys, 'key');
  const right = nodesOf(backends, 'backend');
  const height = Math.max(left.height, right.height);
  const centred = ({ nodes, height: own }: typeof left) =>
    nodes.map((node) => ({ ...node, y: node.y + (height - own) / 2 }));
  const leftNodes = centred(left);
  const rightNodes = centred(right);

  // Each bar is filled from its top, in the order of the bars at the other side: so the bands cross least.
  const leftTop = new Map(leftNodes.map(({ name, y }) => [name, y]));
  const rightTop = new Map(rightNodes.map(({ name, y }) => [name, y]));
  const placed = new Map<FlowLink, { leftY: number; rightY: number }>();
  const order = (nodes: readonly FlowNode[], name: string | null) =>
    nodes.findIndex((node) => node.name === name);
  for (const { name } of leftNodes) {
    const own = links
      .filter(({ key }) => key === name)
      .sort((a, b) => order(rightNodes, a.backend) - order(rightNodes, b.backend));
    for (const link of own) {
      const leftY = leftTop.get(name) ?? 0;
      const rightY = rightTop.get(link.backend) ?? 0;
      placed.set(link, { leftY, rightY });
      leftTop.set(name, leftY + thicknessOf(link.spans));
      rightTop.set(link.backend, rightY + thicknessOf(link.spans));
    }
  }
  return {
    keys: leftNodes,
    backends: rightNodes,
    height,
    ribbons: [...placed].map(([link, at]) => ({
      ...link,
      ...at,
      thickness: thicknessOf(link.spans),
    })),
  };
}

type Sum = readonly [name: string | null, spans: number];

function sumBy(links: readonly FlowLink[], nameOf: (link: FlowLink) => string | null): Sum[] {
  const sums = new Map<string | null, number>();
  for (const link of links) {
    sums.set(nameOf(link), (sums.get(nameOf(link)) ?? 0) + link.spans);
  }
  return [...sums];
}

/** By name, and not by spans: numbers change twice a second, and bars must not swap places all the time. */
function byName([a]: Sum, [b]: Sum): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return a < b ? -1 : 1;
}

/** By where the key's backends are in the middle, so that bands cross seldom. */
function byMiddle(links: readonly FlowLink[], backends: readonly Sum[]) {
  const places = new Map(backends.map(([name], index) => [name, index]));
  const middleOf = (key: string | null): number => {
    const own = links.filter((link) => link.key === key);
    return own.reduce((sum, { backend }) => sum + (places.get(backend) ?? 0), 0) / own.length;
  };
  const middles = new Map(links.map(({ key }) => [key, middleOf(key)]));
  return (a: Sum, b: Sum) => (middles.get(a[0]) ?? 0) - (middles.get(b[0]) ?? 0) || byName(a, b);
}
