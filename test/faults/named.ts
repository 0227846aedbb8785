/** Rows of a table for `it.each`, each after its name, which `%s` prints whole where `$name` would cut it. */
export function named<K extends string, T extends Readonly<Record<K, string>>>(
  key: K,
  rows: readonly T[],
): [name: string, row: T][] {
  return rows.map((row) => [row[key], row]);
}
