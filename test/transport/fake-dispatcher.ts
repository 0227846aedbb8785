import { Dispatcher } from 'undici';

/** A dispatcher such as an application brings along: it does what a test says, without a socket. */
export class FakeDispatcher extends Dispatcher {
  /** How often each of them was called. */
  readonly calls = { dispatch: 0, close: 0, destroy: 0 };
  readonly #onDispatch: Dispatcher.Dispatch;

  constructor(onDispatch: Dispatcher.Dispatch) {
    super();
    this.#onDispatch = onDispatch;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
    this.calls.dispatch += 1;
    return this.#onDispatch(options, handler);
  }

  override close(): Promise<void> {
    this.calls.close += 1;
    return Promise.resolve();
  }

  override destroy(): Promise<void> {
    this.calls.destroy += 1;
    return Promise.resolve();
  }
}

/** A controller that takes note of being aborted. */
export function createController() {
  let reason: Error | null = null;
  const controller: Dispatcher.DispatchController = {
    get aborted() {
      return reason !== null;
    },
    get paused() {
      return false;
    },
    get reason() {
      return reason;
    },
    abort(why) {
      reason = why;
    },
    pause() {},
    resume() {},
  };
  return controller;
}
