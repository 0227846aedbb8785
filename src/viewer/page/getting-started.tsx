import type { ServiceReport } from '../messages.js';

/** What stands where nothing has arrived yet. */
export function GettingStarted({ service }: { service?: ServiceReport | undefined }) {
  const lines = [
    'SIGNALBOX_BACKENDS=standard,byoc',
    'SIGNALBOX_DEFAULT_ROUTE=standard',
    `SIGNALBOX_BACKEND_STANDARD_ENDPOINT=${location.origin}/standard`,
    `SIGNALBOX_BACKEND_BYOC_ENDPOINT=${location.origin}/byoc`,
  ];
  return (
    <section class="page empty" aria-label="Nothing has arrived yet">
      <h1>Waiting for spans</h1>
      <p>Start a service with these in its environment. Any name will do for a backend.</p>
      <pre>{lines.map((line) => `export ${line}\n`).join('')}</pre>
      {service?.status === 'unreachable' && (
        <p class="muted">The service’s statistics: {service.problem}.</p>
      )}
    </section>
  );
}
