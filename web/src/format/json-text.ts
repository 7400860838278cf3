/** A value as JSON; a bigint as the number that it was read from. A dash where there is no value. */
export function toJsonText(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(toJsonText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '–';
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}:${toJsonText(member)}`,
  );
  return `{${members.join(',')}}`;
}
