import type { BackendRow, Overview, ServiceBackendStats, ServiceReport } from '../messages.js';
import { BackendName } from './backend-name.js';
import { backendLabel, formatAge, formatBytes, formatCount, formatRate } from './format.js';
import { GettingStarted } from './getting-started.js';
import { goTo, hashOf, type Place } from './place.js';
import { Sparkline } from './sparkline.js';

/** One row for each backend: what it received, and what the service says of it. */
export function BackendsView({ overview }: { overview: Overview }) {
  const { service } = overview;
  const told = service?.status === 'answered' ? service.stats.backends : undefined;
  const names = [
    ...new Set([...overview.backends.map(({ name }) => name), ...Object.keys(told ?? {})]),
  ];
  if (names.length === 0) return <GettingStarted service={service} />;
  return (
    <section class="page" aria-label="Backends">
      {service !== undefined && <ServiceStrip service={service} />}
      <div class="card scroll-x">
        <table class="backends">
          <thead>
            <tr>
              <th scope="col">Backend</th>
              <th scope="col">Health</th>
              <th scope="col" class="spark">
                Last minute
              </th>
              <th scope="col" class="number">
                Spans/s
              </th>
              <th scope="col" class="number">
                Spans
              </th>
              <th scope="col" class="number">
                Bytes
              </th>
              <th scope="col" class="number">
                Requests
              </th>
              <th scope="col">Last answer</th>
              {told !== undefined && (
                <>
                  <th scope="col" class="number first-told">
                    Queue
                  </th>
                  <th scope="col" class="number">
                    In flight
                  </th>
                  <th scope="col" class="number">
                    Retries
                  </th>
                  <th scope="col">Dropped</th>
                </>
              )}
            </tr>
          </thead>
          <tbody>
            {names.sort().map((name) => (
              <Row
                key={name}
                name={name}
                row={overview.backends.find((each) => each.name === name)}
                told={told?.[name]}
                isTold={told !== undefined}
                at={overview.at}
              />
            ))}
          </tbody>
        </table>
      </div>
      <p class="hint">
        {told === undefined
          ? 'Counted here, as requests arrive. Start the sink with --stats URL to see the service’s own queues, retries and drops.'
          : 'Left of the line: counted here, as requests arrive. Right of it: what the service says of its own exporters.'}
      </p>
    </section>
  );
}

interface RowProps {
  readonly name: string;
  readonly row: BackendRow | undefined;
  readonly told: ServiceBackendStats | undefined;
  readonly isTold: boolean;
  readonly at: number;
}

function Row({ name, row, told, isTold, at }: RowProps) {
  const place: Place = { view: 'traces', filter: { backend: name } };
  const health = healthOf(row, told);
  return (
    // The link in the first cell is the keyboard's way; the row is a larger target for the mouse.
    <tr onClick={() => goTo(place)}>
      <th scope="row">
        <a href={hashOf(place)}>
          <BackendName name={name} />
        </a>
        {row?.fault !== undefined && <span class="fault">{row.fault}</span>}
      </th>
      <td>
        <span class={`health ${health.color}`}>{health.text}</span>
        {told?.lastFailure !== undefined && told.state !== 'up' && (
          <small class="why ellipsis" title={told.lastFailure.message}>
            {told.lastFailure.message}
          </small>
        )}
      </td>
      <td class="spark">
        <Sparkline values={row?.perSecond ?? []} label={backendLabel(name)} />
      </td>
      <td class="number">{formatRate(row?.spansPerSecond ?? 0)}</td>
      <td class="number">{formatCount(row?.spans ?? 0)}</td>
      <td class="number">{formatBytes(row?.bytes ?? 0)}</td>
      <td class="number">
        {formatCount(row?.requests ?? 0)}
        {row !== undefined && row.refused > 0 && (
          <small class="bad"> {formatCount(row.refused)} refused</small>
        )}
      </td>
      <td>
        {row !== undefined && (
          <>
            <code class={row.lastStatus >= 200 && row.lastStatus < 300 ? 'ok' : 'bad'}>
              {row.lastStatus === 0 ? 'none' : row.lastStatus}
            </code>{' '}
            <span class="muted">{formatAge(at - row.lastAt)}</span>
          </>
        )}
      </td>
      {isTold && <Told told={told} />}
    </tr>
  );
}

function Told({ told }: { told: ServiceBackendStats | undefined }) {
  if (told === undefined) {
    return (
      <td class="first-told muted" colSpan={4}>
        the service has no such backend
      </td>
    );
  }
  return (
    <>
      <td class="number first-told">{formatCount(told.queued + told.spooled)}</td>
      <td class="number">{formatCount(told.inFlight)}</td>
      <td class="number">{formatCount(told.recentRetries)}</td>
      <td>
        <Reasons dropped={told.dropped} />
      </td>
    </>
  );
}

function Reasons({ dropped }: { dropped: Readonly<Record<string, number>> }) {
  const reasons = Object.entries(dropped);
  if (reasons.length === 0) return <span class="muted">none</span>;
  return (
    <ul class="reasons">
      {reasons.map(([reason, count]) => (
        <li key={reason}>
          <b class="bad">{formatCount(count)}</b> {reason}
        </li>
      ))}
    </ul>
  );
}

function ServiceStrip({ service }: { service: ServiceReport }) {
  if (service.status === 'asking') return <p class="strip muted">Asking the service…</p>;
  if (service.status === 'unreachable') {
    return (
      <p class="strip" role="status">
        <span class="health red">no answer</span> The service’s statistics: {service.problem}.
      </p>
    );
  }
  const { ended, routed, parked, dropped } = service.stats;
  return (
    <dl class="strip figures">
      <div>
        <dt>Spans ended</dt>
        <dd>{formatCount(ended)}</dd>
      </div>
      <div>
        <dt>Routed</dt>
        <dd>{formatCount(routed)}</dd>
      </div>
      <div>
        <dt>Parked</dt>
        <dd>{formatCount(parked)}</dd>
      </div>
      <div>
        <dt>Dropped before a backend</dt>
        <dd>
          <Reasons dropped={dropped} />
        </dd>
      </div>
    </dl>
  );
}

interface Health {
  readonly color: 'green' | 'amber' | 'red' | 'grey';
  readonly text: string;
}

/** Answers that the sender tries again, by OTLP/HTTP. */
const RETRYABLE = new Set([0, 429, 502, 503, 504]);

/** The service knows best; where it is not asked, the last answer tells. */
function healthOf(row: BackendRow | undefined, told: ServiceBackendStats | undefined): Health {
  if (told !== undefined) {
    if (told.state === 'down') return { color: 'red', text: 'down' };
    if (told.state === 'degraded') return { color: 'amber', text: 'degraded' };
    const isLosing = Object.keys(told.dropped).length > 0;
    return isLosing ? { color: 'amber', text: 'up, has dropped' } : { color: 'green', text: 'up' };
  }
  if (row === undefined) return { color: 'grey', text: 'nothing yet' };
  if (row.lastStatus >= 200 && row.lastStatus < 300)
    return { color: 'green', text: 'taking spans' };
  return RETRYABLE.has(row.lastStatus)
    ? { color: 'amber', text: 'to be retried' }
    : { color: 'red', text: 'refusing' };
}
