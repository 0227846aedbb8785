import { formatCount } from './format.js';

const WIDTH = 180;
const HEIGHT = 34;

/** Spans in each second of the last minute, as a small area. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const peak = Math.max(0, ...values);
  const step = WIDTH / Math.max(1, values.length - 1);
  const y = (value: number) => HEIGHT - 1 - (peak === 0 ? 0 : (value / peak) * (HEIGHT - 4));
  const line = values.map((value, index) => `${(index * step).toFixed(1)},${y(value).toFixed(1)}`);
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${label}: spans in each second of the last minute, at most ${formatCount(peak)}`}
    >
      {peak > 0 && <polygon points={`0,${HEIGHT} ${line.join(' ')} ${WIDTH},${HEIGHT}`} />}
      <polyline points={line.join(' ')} />
    </svg>
  );
}
