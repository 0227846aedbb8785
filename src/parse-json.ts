/** What a text in JSON says; `undefined` for one that is no JSON, which every schema refuses as well. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
