// @ts-check
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { streamText } from 'ai';
import { routeRequests } from 'signalbox/node';
import { model } from './model.mjs';

/** Who is logged in. @type {Record<string, string>} */
const sessions = { 'session-1': 'acme', 'session-2': 'globex' };

/** @param {http.IncomingMessage} request */
function tenantOf(request) {
  return sessions[request.headers.authorization?.replace(/^Bearer /, '') ?? ''];
}

const chat = routeRequests({ route: tenantOf }, async (request, response) => {
  if (tenantOf(request) === undefined) {
    response.writeHead(401).end();
    return;
  }
  const answer = streamText({
    model,
    prompt: await text(request),
    experimental_telemetry: { isEnabled: true, functionId: 'chat' },
  });
  answer.pipeTextStreamToResponse(response);
});

const server = http.createServer((request, response) => {
  if (request.url === '/health') response.end('healthy');
  else chat(request, response);
});

server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') {
    console.log(`listening on http://127.0.0.1:${address.port}`);
  }
});

// signalbox/register sends what is queued, and ends nothing where the application has a handler of its own.
process.once('SIGTERM', () => server.close());
