/**
 * JSON whose whole numbers beyond 2^53 stay as they were written (RFC 8259, section 6, lets them be of any length; a double
 * would make them others). `JSON.stringify` writes a `JSON.rawJSON` back digit by digit.
 */

/** As ECMA-262 has them since 2025; the types of TypeScript do not yet. */
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
};

export { isRawJSON as isLongNumber };

/** @param toValue makes the value of a number that a double cannot hold; by default one that is written as it was read */
export function parseJson(text: string, toValue: (digits: string) => unknown = rawJSON): unknown {
  // A reviver takes many times as long.
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_name, value: unknown, { source }: { source?: string } = {}) => {
    const isLost = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
    return isLost && source !== undefined && /^-?\d+$/.test(source) ? toValue(source) : value;
  });
}

/** As a double, where a measured value is wanted. */
export function toDouble(value: unknown): unknown {
  return isRawJSON(value) ? Number(JSON.stringify(value)) : value;
}
