import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** One request to the receiver. */
export interface MonitoringRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A receiver of OTLP/JSON for all signals, which keeps what it gets. */
export interface MonitoringReceiver {
  readonly url: string;
  readonly requests: readonly MonitoringRequest[];
  /** The values of a metric in the last report that has it, by their attributes' values joined by a space. */
  metric(name: string): Record<string, number> | undefined;
  logs(): ReceivedLog[];
  spans(): ReceivedSpan[];
  /** Attributes of every resource that was sent, as JSON. */
  resources(): string[];
}

export interface ReceivedLog {
  readonly eventName: string;
  readonly body: string;
  readonly attributes: Record<string, unknown>;
}

export interface ReceivedSpan {
  readonly name: string;
  readonly attributes: Record<string, unknown>;
}

/** Starts one on loopback, which lasts as long as its test. */
export async function startMonitoringReceiver(
  answer: (request: IncomingMessage) => number | 'none' = () => 200,
): Promise<MonitoringReceiver> {
  const requests: MonitoringRequest[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { url: path = '', headers } = request;
    requests.push({ path, headers, text: Buffer.concat(chunks).toString() });
    const status = answer(request);
    if (status !== 'none') {
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;

  function read<T>(path: string): T[] {
    return requests.filter((each) => each.path === path).map(({ text }) => JSON.parse(text) as T);
  }

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    metric(name) {
      const all = read<MetricsBody>('/v1/metrics')
        .flatMap(({ resourceMetrics }) => resourceMetrics)
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .flatMap(({ metrics }) => metrics)
        .filter((metric) => metric.name === name);
      const { sum, gauge, histogram } = all.at(-1) ?? {};
      const points = (sum ?? gauge ?? histogram)?.dataPoints;
      return points && Object.fromEntries(points.map(readPoint));
    },
    logs: () =>
      read<LogsBody>('/v1/logs')
        .flatMap(({ resourceLogs }) => resourceLogs)
        .flatMap(({ scopeLogs }) => scopeLogs)
        .flatMap(({ logRecords }) => logRecords)
        .map(({ eventName, body, attributes }) => ({
          eventName,
          body: String(plain(body)),
          attributes: plainAttributes(attributes),
        })),
    spans: () =>
      read<TracesBody>('/v1/traces')
        .flatMap(({ resourceSpans }) => resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans)
        .flatMap(({ spans }) => spans)
        .map(({ name, attributes }) => ({ name, attributes: plainAttributes(attributes) })),
    resources: () =>
      requests.flatMap(({ text }) => {
        const [all = []] = Object.values(JSON.parse(text)) as { resource: Attributed }[][];
        return all.map(({ resource }) => JSON.stringify(plainAttributes(resource.attributes)));
      }),
  };
}

type AnyValue = Readonly<Record<string, string | number | boolean>>;

interface Attributed {
  readonly attributes: readonly { readonly key: string; readonly value: AnyValue }[];
}

interface Point extends Attributed {
  readonly asInt?: number | string;
  readonly asDouble?: number;
  readonly count?: number | string;
}

interface Points {
  readonly dataPoints: readonly Point[];
}

interface MetricsBody {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly sum?: Points;
        readonly gauge?: Points;
        readonly histogram?: Points;
      }[];
    }[];
  }[];
}

interface LogsBody {
  readonly resourceLogs: readonly {
    readonly scopeLogs: readonly {
      readonly logRecords: readonly (Attributed & {
        readonly eventName: string;
        readonly body: AnyValue;
      })[];
    }[];
  }[];
}

interface TracesBody {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly (Attributed & { readonly name: string })[];
    }[];
  }[];
}

function readPoint({ attributes, asInt, asDouble, count }: Point): [string, number] {
  const key = Object.values(plainAttributes(attributes)).join(' ');
  return [key, Number(asInt ?? asDouble ?? count)];
}

function plainAttributes(attributes: Attributed['attributes']): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function plain(value: AnyValue): unknown {
  return value.intValue === undefined ? Object.values(value)[0] : Number(value.intValue);
}
