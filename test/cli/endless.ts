import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

/** Answers with spaces, which are the beginning of any JSON, for as long as they are read. */
export function endless(response: ServerResponse): void {
  const spaces = Buffer.alloc(64 * 1024, ' ');
  const body = new Readable({
    read() {
      this.push(spaces);
    },
  });
  response.once('close', () => body.destroy());
  body.pipe(response);
}
