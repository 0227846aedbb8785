/** What the command was asked can not be done as it was asked: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
