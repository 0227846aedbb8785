import type { Dispatcher } from 'undici';

/** A request's body, in the parts in which it was made. */
export interface RequestBody {
  readonly parts: readonly Uint8Array[];
  /** Of all parts together: the request's `Content-Length`. */
  readonly size: number;
}

/**
 * A body of several parts, which undici writes one after the other, each when the socket has taken the one
 * before it; it tells when the last one was taken.
 */
export class PartedBody implements Iterable<Uint8Array> {
  /** Resolves when the socket has taken every part; never, where the connection is lost before. */
  readonly taken: Promise<void>;
  readonly #parts: readonly Uint8Array[];
  #isTaken = false;
  #resolve = () => {};

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = parts;
    this.taken = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get isTaken(): boolean {
    return this.#isTaken;
  }

  *[Symbol.iterator](): Generator<Uint8Array> {
    yield* this.#parts;
    this.#isTaken = true;
    this.#resolve();
  }
}

type DispatchedBody = NonNullable<Dispatcher.DispatchOptions['body']>;

/** A body as undici writes it with the least copying. */
export function toWritable({ parts }: RequestBody): DispatchedBody {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  // undici takes any iterable, as its documentation has it and its types do not.
  return new PartedBody(parts) as unknown as DispatchedBody;
}

/** A body in one piece, for a dispatcher that may want to send it twice. */
export function toBuffer({ parts, size }: RequestBody): Buffer {
  return Buffer.concat(parts, size);
}
