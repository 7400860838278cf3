/** The value that has to be there for the test to mean anything. */
export function there<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('expected a value, there is none');
  return value;
}
