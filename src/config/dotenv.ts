/**
 * One line of an `.env` file, as `node --env-file`, dotenv and shells read it; `undefined` for a value with both a single
 * quote and a backtick, which stands in no quotes that all of them read alike: a shell would run what is in backticks.
 */
export function formatDotenvLine(name: string, value: string): string | undefined {
  if (/^[\w@%+=:,./-]*$/.test(value)) return `${name}=${value}`;
  if (!value.includes("'")) return `${name}='${value}'`;
  // Shells read more into double quotes than Node does, and Node turns \n in them into a line break.
  if (!/["$`\\!]/.test(value)) return `${name}="${value}"`;
  return value.includes('`') ? undefined : `${name}=\`${value}\``;
}
