/**
 * One line of an `.env` file, as `node --env-file`, dotenv and shells read it; `undefined` for a value that has every
 * kind of quote in it, and so can not stand in such a file.
 */
export function formatDotenvLine(name: string, value: string): string | undefined {
  if (/^[\w@%+=:,./-]*$/.test(value)) return `${name}=${value}`;
  if (!value.includes("'")) return `${name}='${value}'`;
  // Shells read more into double quotes than Node does, and Node turns \n in them into a line break.
  if (!/["$`\\!]/.test(value)) return `${name}="${value}"`;
  return value.includes('`') ? undefined : `${name}=\`${value}\``;
}
