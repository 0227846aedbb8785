// @ts-check
import { provider } from './telemetry.mjs';

/**
 * Listens, and ends in good order: every span has ended when the last connection is closed.
 *
 * @param {import('node:http').Server} server
 */
export function listen(server) {
  server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') {
      console.log(`listening on http://127.0.0.1:${address.port}`);
    }
  });
  process.once('SIGTERM', () => server.close(() => provider.shutdown()));
}
