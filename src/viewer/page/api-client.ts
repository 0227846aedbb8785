/** What a request to the viewer's own server came to. */
export type Answer<T> =
  | { readonly status: 'answered'; readonly value: T }
  | { readonly status: 'absent' }
  | { readonly status: 'failed'; readonly problem: string };

/**
 * Asks the API of the server that served this page. Never rejects; an aborted request is `failed`.
 *
 * `T` is what the server says it sends, and is not checked: page and server are of one build.
 */
export async function ask<T>(path: string, signal?: AbortSignal): Promise<Answer<T>> {
  try {
    const response = await fetch(`api/${path}`, signal === undefined ? {} : { signal });
    if (response.status === 404) return { status: 'absent' };
    if (response.status === 401) return { status: 'failed', problem: 'the token is missing' };
    if (!response.ok) return { status: 'failed', problem: `HTTP ${response.status}` };
    return { status: 'answered', value: (await response.json()) as T };
  } catch {
    // Whatever it was, the browser's console has it; for the page the server is away.
    return { status: 'failed', problem: 'signalbox sink has stopped' };
  }
}
