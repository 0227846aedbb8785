import { fileURLToPath } from 'node:url';
import { type Sink, type SinkOptions, startSink } from '../../src/viewer/sink.js';

/** Starts a sink on a free port, with the page that `npm run build` made. */
export function startTestSink(options: SinkOptions = {}): Promise<Sink> {
  const pageDirectory = fileURLToPath(new URL('../../dist/viewer/page', import.meta.url));
  return startSink({ port: 0, pageDirectory, ...options });
}
