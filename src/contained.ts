/**
 * Calls a function of the application's own whose failure must reach nobody else: what it throws is told, and so is
 * what a promise that it returns rejects with. That is not in its type, but a rejection that nobody handles would end
 * the process.
 */
export function callContained(fn: () => unknown, onFailure: (error: unknown) => void): void {
  try {
    const returned = fn();
    if (returned instanceof Promise) returned.catch(onFailure);
  } catch (error) {
    onFailure(error);
  }
}
