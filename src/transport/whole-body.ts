import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { PartedBody } from './body.js';
import { TransportError } from './failure.js';

/** What a client's one connection is, or why there is none: undici shows neither to a handler. */
export interface Connection {
  socket: Socket | undefined;
  /** What went wrong with it first, since the last request; undici passes on what went wrong last. */
  failure: Error | undefined;
}

const VOID_ANSWER = 'answered before the body was written, and closed';

/**
 * Holds back an answer that came before the request's body was written, and sees to it that its connection
 * is not used again.
 *
 * A receiver may answer while it still has most of the body to read. undici takes the answer at once, and
 * goes on writing that body while the caller believes it delivered. Here a success counts only when the
 * socket has passed on every byte of the body; if it closes before, the answer is void and the request has
 * failed. Either way the socket is destroyed: who answers without reading can not be trusted to know where
 * one request ends and the next one begins. A refusal counts at once, and the rest of the body stays unsent:
 * there is nothing to deliver, and waiting would turn an early 413 into a lost answer.
 *
 * @param body What is written.
 * @param handler What the answer is for.
 * @param connection What carries the request, at any time.
 */
export function withWholeBody(
  body: unknown,
  handler: Dispatcher.DispatchHandler,
  connection: Connection,
): Dispatcher.DispatchHandler {
  /** The socket whose answer came early. */
  let early: Socket | undefined;
  let written = false;
  let started = false;

  return {
    onRequestStart(controller, context) {
      started = true;
      connection.failure = undefined;
      handler.onRequestStart?.(controller, context);
    },

    onResponseStart(controller, httpStatus, headers, statusMessage) {
      const { socket } = connection;
      const isWritten = isTaken(body) && socket?.writableLength === 0;
      const isEarly = httpStatus >= 200 && socket !== undefined && !isWritten;
      handler.onResponseStart?.(controller, httpStatus, headers, statusMessage);
      if (!isEarly) return;

      if (httpStatus >= 300) {
        handler.onResponseEnd?.(controller, {});
        controller.abort(new TransportError('answered_early', VOID_ANSWER));
        return;
      }

      early = socket;
      controller.pause();
      // A socket that closes before the body is taken, or written, is reported by undici.
      void taken(body).then(() => {
        // An empty write is called back when all that was written before it has reached the kernel. ('drain'
        // would not do: it is only for what passed the high-water mark.)
        socket.write('', (error) => {
          if (error) return;
          written = true;
          controller.resume();
        });
      });
    },

    onResponseData(controller, chunk) {
      handler.onResponseData?.(controller, chunk);
    },

    onResponseEnd(controller, trailers) {
      // Before the answer is passed on, so that undici finds no connection to send the next request on.
      early?.destroy();
      handler.onResponseEnd?.(controller, trailers);
    },

    onResponseError(controller, error) {
      // A request that undici will not write, for a header of it, fails before it has a connection: what
      // happened to the last one is not its reason.
      const isOfConnection = started || error instanceof TransportError;
      const cause = (isOfConnection ? connection.failure : undefined) ?? error;
      const isVoid = early !== undefined && !written;
      handler.onResponseError?.(
        controller,
        isVoid ? new TransportError('answered_early', VOID_ANSWER, { cause }) : cause,
      );
    },
  };
}

function isTaken(body: unknown): boolean {
  return !(body instanceof PartedBody) || body.isTaken;
}

async function taken(body: unknown): Promise<void> {
  if (body instanceof PartedBody) await body.taken;
}
