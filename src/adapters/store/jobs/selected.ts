/**
 * What stands behind `select`: SQL by the name of its column.
 * @param names of the columns, those without SQL being null; by default those that have some
 */
export function selected(
  columns: Readonly<Record<string, string>>,
  names: readonly string[] = Object.keys(columns),
): string {
  return names.map((name) => `${columns[name] ?? 'null'} as "${name}"`).join(', ');
}
