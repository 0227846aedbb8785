// @ts-check
// Stands for Next.js. What it has in common with it is what matters to telemetry: instrumentation and handlers are
// bundled apart, each with a copy of what it imports, and its server makes spans of its own before a handler runs.

import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { SpanKind, trace } from '@opentelemetry/api';

const ROUTE = '/api/notes/[id]';

const application = new URL('./', import.meta.url);
const output = new URL('.next/', application);
const installed = new URL('../../', application);

build();
await start();

/** As `next build` does. */
function build() {
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output);
  // The end of the repository's own package, whose files would otherwise all import one signalbox.
  writeFileSync(new URL('package.json', output), '{ "type": "module" }\n');
  bundle('instrumentation', ['instrumentation.mjs', 'instrumentation.node.mjs']);
  bundle('handlers', ['app']);
}

/**
 * @param {string} name
 * @param {readonly string[]} sources
 */
function bundle(name, sources) {
  const folder = new URL(`${name}/`, output);
  const copy = new URL('node_modules/signalbox/', folder);
  for (const source of sources) {
    cpSync(new URL(source, application), new URL(source, folder), { recursive: true });
  }
  for (const part of ['package.json', 'dist']) {
    cpSync(new URL(part, installed), new URL(part, copy), { recursive: true });
  }
}

/** As `next start` does. */
async function start() {
  process.env.NEXT_RUNTIME = 'nodejs';
  const instrumentation = new URL('instrumentation/instrumentation.mjs', output);
  const handler = new URL(`handlers/app${ROUTE}/route.mjs`, output);
  const { register } = await import(instrumentation.href);
  await register();
  const { GET } = await import(handler.href);
  printCopies([instrumentation, handler]);

  const tracer = trace.getTracer('next.js');
  const server = http.createServer((request, response) => {
    const { method = '', url = '' } = request;
    const options = {
      kind: SpanKind.SERVER,
      attributes: { 'http.method': method, 'http.target': url },
    };
    tracer.startActiveSpan(`${method} ${ROUTE}`, options, async (span) => {
      const answer = await tracer.startActiveSpan(
        `executing api route (app) ${ROUTE}`,
        async (inner) => {
          const params = Promise.resolve({ id: url.split('/').at(-1) });
          const authorization = request.headers.authorization ?? '';
          const incoming = new Request(`http://localhost${url}`, { headers: { authorization } });
          return GET(incoming, { params }).finally(() => inner.end());
        },
      );
      response.writeHead(answer.status).end(await answer.text());
      span.end();
    });
  });
  server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') {
      console.log(`listening on http://127.0.0.1:${address.port}`);
    }
  });
  process.once('SIGTERM', () => server.close());
}

/**
 * Says which copy of signalbox each of these modules imports, and fails where it is the same.
 *
 * @param {readonly [URL, URL]} modules
 */
function printCopies(modules) {
  const [first, second] = modules.map((url) => createRequire(url).resolve('signalbox'));
  if (first === second) throw new Error('There is one copy of signalbox only.');
  for (const copy of [first, second]) {
    console.log(`loaded ${copy?.slice(fileURLToPath(application).length)}`);
  }
}
