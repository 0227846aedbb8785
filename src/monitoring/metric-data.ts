import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';

/** One value of a metric. */
export interface Point {
  readonly value: number;
  readonly attributes?: Attributes;
}

/** Durations that were summed up. */
export interface DurationPoint {
  readonly count: number;
  readonly sumMs: number;
  readonly attributes: Attributes;
}

/** The name, unit and description of a metric. */
export interface MetricWords {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
}

/**
 * A metric as the SDK's metric reader hands it to an exporter (its `MetricData`), reduced to what OTLP has.
 *
 * Made here and not by the SDK: the counts are there already, and instruments beside them would be paid for by each span.
 */
export interface Metric {
  readonly descriptor: MetricWords & { readonly valueType: ValueType };
  readonly aggregationTemporality: number;
  readonly dataPointType: number;
  readonly isMonotonic?: boolean;
  readonly dataPoints: readonly object[];
}

/** Makes metrics of one moment. A metric without a point is none: it is left out. */
export interface MetricMaker {
  /** A count that only grows. */
  counter(words: MetricWords, points: readonly Point[]): Metric[];
  /** A count that also falls, and can be summed up over processes. */
  upDownCounter(words: MetricWords, points: readonly Point[]): Metric[];
  /** What can not be summed up. */
  gauge(words: MetricWords, points: readonly Point[]): Metric[];
  /** Durations in seconds: their number and sum, without buckets. */
  durations(words: Omit<MetricWords, 'unit'>, points: readonly DurationPoint[]): Metric[];
}

// `AggregationTemporality` and `DataPointType` of the SDK, which is no dependency.
const CUMULATIVE = 1;
const HISTOGRAM = 0;
const GAUGE = 2;
const SUM = 3;

/** Units of which there is not always a whole number: seconds, and ratios. */
const FRACTIONS = new Set(['s', '1']);

/**
 * Creates what makes metrics.
 *
 * @param startTime - When the counts began.
 * @param endTime - Now.
 */
export function createMetricMaker(startTime: HrTime, endTime: HrTime): MetricMaker {
  function make(
    words: MetricWords,
    points: readonly Point[],
    kind: Pick<Metric, 'dataPointType' | 'isMonotonic'>,
  ): Metric[] {
    if (points.length === 0) return [];
    const isFraction = FRACTIONS.has(words.unit);
    return [
      {
        descriptor: { ...words, valueType: isFraction ? ValueType.DOUBLE : ValueType.INT },
        aggregationTemporality: CUMULATIVE,
        ...kind,
        dataPoints: points.map(({ value, attributes = {} }) => ({
          startTime,
          endTime,
          attributes,
          value,
        })),
      },
    ];
  }

  return {
    counter: (words, points) => make(words, points, { dataPointType: SUM, isMonotonic: true }),
    upDownCounter: (words, points) =>
      make(words, points, { dataPointType: SUM, isMonotonic: false }),
    gauge: (words, points) => make(words, points, { dataPointType: GAUGE }),
    durations(words, points) {
      if (points.length === 0) return [];
      return [
        {
          descriptor: { ...words, unit: 's', valueType: ValueType.DOUBLE },
          aggregationTemporality: CUMULATIVE,
          dataPointType: HISTOGRAM,
          dataPoints: points.map(({ count, sumMs, attributes }) => ({
            startTime,
            endTime,
            attributes,
            value: {
              count,
              sum: sumMs / 1000,
              buckets: { boundaries: [], counts: [count] },
            },
          })),
        },
      ];
    },
  };
}
