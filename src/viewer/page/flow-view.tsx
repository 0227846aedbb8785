import type { Overview } from '../messages.js';
import { useBackendClass } from './backend-name.js';
import { type FlowNode, type FlowRibbon, layOutFlow } from './flow-layout.js';
import { backendLabel, formatCount, keyLabel } from './format.js';
import { GettingStarted } from './getting-started.js';
import { type Filter, hashOf } from './place.js';

const WIDTH = 1_200;
/** Room for the labels at each side. */
const SIDE = 250;
const BAR = 8;
const HEIGHT = 540;
const LABEL_LENGTH = 24;

/** Which keys' spans went to which backends in the last minute. */
export function FlowView({ overview }: { overview: Overview }) {
  if (overview.received === 0) return <GettingStarted service={overview.service} />;
  const { flow, flowKeys } = overview;
  const total = flow.reduce((sum, { spans }) => sum + spans, 0);
  return (
    <section class="page" aria-label="Flow">
      <div class="card flow">
        <header>
          <p class="muted">
            {formatCount(total)} spans of {formatCount(flowKeys)} {flowKeys === 1 ? 'key' : 'keys'}{' '}
            in the last minute
          </p>
        </header>
        {total === 0 ? (
          <p class="nothing">Nothing has arrived in the last minute.</p>
        ) : (
          <Diagram overview={overview} />
        )}
      </div>
      <p class="hint">A key, a backend or a band opens its traces.</p>
    </section>
  );
}

function Diagram({ overview: { flow, flowKeys } }: { overview: Overview }) {
  const { keys, backends, ribbons, height } = layOutFlow(flow, HEIGHT);
  const named = keys.filter(({ name }) => name !== null).length;
  const labelOf = (key: string | null) =>
    key === null ? `${formatCount(flowKeys - named)} more keys` : keyLabel(key);
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${height + 48}`}
      role="group"
      aria-label="Spans of the last minute, by key and backend"
    >
      <g class="heads">
        <text x={SIDE + BAR} y={14} text-anchor="end">
          Keys
        </text>
        <text x={WIDTH - SIDE - BAR} y={14}>
          Backends
        </text>
      </g>
      <g transform="translate(0 36)">
        {ribbons.map((ribbon) => (
          <Ribbon
            key={JSON.stringify([ribbon.key, ribbon.backend])}
            ribbon={ribbon}
            from={labelOf(ribbon.key)}
          />
        ))}
        {keys.map((node) => (
          <Bar
            key={JSON.stringify(node.name)}
            node={node}
            side="left"
            label={labelOf(node.name)}
            filter={node.name === null ? {} : { key: node.name }}
          />
        ))}
        {backends.map((node) => (
          <Bar
            key={node.name}
            node={node}
            side="right"
            label={backendLabel(node.name ?? '')}
            filter={{ backend: node.name ?? '' }}
          />
        ))}
      </g>
    </svg>
  );
}

function Ribbon({ ribbon, from }: { ribbon: FlowRibbon; from: string }) {
  const { key, backend, spans, leftY, rightY, thickness } = ribbon;
  const backendClass = useBackendClass();
  const left = SIDE + BAR;
  const right = WIDTH - SIDE - BAR;
  const middle = (left + right) / 2;
  const path = [
    `M${left},${leftY}`,
    `C${middle},${leftY} ${middle},${rightY} ${right},${rightY}`,
    `v${thickness}`,
    `C${middle},${rightY + thickness} ${middle},${leftY + thickness} ${left},${leftY + thickness}`,
    'Z',
  ].join(' ');
  const label = `${from} to ${backendLabel(backend)}: ${formatCount(spans)} spans`;
  const filter: Filter = key === null ? { backend } : { key, backend };
  return (
    <a
      href={hashOf({ view: 'traces', filter })}
      aria-label={label}
      class={`ribbon ${backendClass(backend)}`}
    >
      <title>{label}</title>
      <path d={path} />
    </a>
  );
}

interface BarProps {
  readonly node: FlowNode;
  readonly side: 'left' | 'right';
  readonly label: string;
  readonly filter: Filter;
}

function Bar({ node, side, label, filter }: BarProps) {
  const backendClass = useBackendClass();
  const isLeft = side === 'left';
  const x = isLeft ? SIDE : WIDTH - SIDE - BAR;
  const textX = isLeft ? x - 12 : x + BAR + 12;
  const y = node.y + node.height / 2;
  const short = label.length > LABEL_LENGTH ? `${label.slice(0, LABEL_LENGTH - 1)}…` : label;
  return (
    <a
      href={hashOf({ view: 'traces', filter })}
      aria-label={`${isLeft ? 'key' : 'backend'} ${label}: ${formatCount(node.spans)} spans`}
      class={`bar ${isLeft ? 'key' : backendClass(node.name ?? '')}`}
    >
      <title>{label}</title>
      <rect x={x} y={node.y} width={BAR} height={node.height} rx="2" />
      <text x={textX} y={y} text-anchor={isLeft ? 'end' : 'start'}>
        <tspan class="name">{short}</tspan>
        <tspan class="count" dx="8">
          {formatCount(node.spans)}
        </tspan>
      </text>
    </a>
  );
}
