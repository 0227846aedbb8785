// An application without telemetry code, under signalbox/register, and the backend that it sends to.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

let received = 0;
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    received += 1;
    response.end();
  });
});
server.listen(0, '127.0.0.1', () => {
  const work = `require('@opentelemetry/api').trace.getTracer('service').startSpan('work').end()`;
  const child = spawn(process.execPath, ['--import', 'signalbox/register', '--eval', work], {
    stdio: 'inherit',
    env: {
      PATH: process.env.PATH,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.address().port}`,
    },
  });
  child.once('close', (code) => {
    server.close();
    process.exitCode = code === 0 && received === 1 ? 0 : 1;
    console.log(`ended with ${code}, received ${received}`);
  });
});
