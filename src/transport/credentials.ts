/** Shorter words are no secrets, and would blot out parts of others (`ml` in `html`). */
const MIN_SECRET_LENGTH = 6;

/** The `Basic` credentials in a URL's user-info, or `undefined` where it has none. */
export function formatBasicAuth(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const text = `${decode(url.username)}:${decode(url.password)}`;
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

/** What in a URL must not be printed: the user-info, as written, decoded and sent, and the query. */
export function listUrlSecrets(url: URL): string[] {
  return [
    url.username,
    url.password,
    decode(url.username),
    decode(url.password),
    formatBasicAuth(url) ?? '',
    url.search,
    ...url.searchParams.values(),
  ];
}

/**
 * Makes a function that takes secrets out of a text that is about to be logged.
 *
 * Nothing here writes a secret into a message; but messages also come from backends, which may repeat
 * the key that they refuse, and from dispatchers made elsewhere.
 *
 * @param secrets Values of headers and parts of URLs. The words of each count too, so that a token is
 *   found without its `Bearer`.
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const words = secrets.flatMap((secret) => [secret, ...secret.split(/\s+/)]);
  const known = [...new Set(words)]
    .filter((word) => word.length >= MIN_SECRET_LENGTH)
    // A secret that contains another has to go first, or a rest of it stays.
    .sort((a, b) => b.length - a.length)
    // In any case: as a host's name it is made lower case.
    .map((word) => new RegExp(word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'gi'));
  return (text) => known.reduce((rest, word) => rest.replace(word, '[redacted]'), text);
}

/** How many keys are remembered: a backend may repeat one that it was sent a while ago. */
const MAX_LEARNT = 8;

/** Makes a redactor that learns further secrets, of which it remembers the last few. */
export function createLearningRedactor(secrets: readonly string[]): {
  readonly redact: (text: string) => string;
  readonly learn: (secret: string) => void;
} {
  let learnt: readonly string[] = [];
  let redact = createRedactor(secrets);
  return {
    redact: (text) => redact(text),
    learn(secret) {
      learnt = [...learnt, secret].slice(-MAX_LEARNT);
      redact = createRedactor([...secrets, ...learnt]);
    },
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // Not percent-encoded after all: a lone "%" stands for itself.
    return part;
  }
}
