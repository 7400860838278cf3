/**
 * Texts of headers, which HTTP hands over as bytes (RFC 9110, 5.5). Node gives each byte as one character; what they stand
 * for depends on where they are used.
 */

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** For people and conditions: UTF-8 where that is what the bytes are, else Latin-1. */
export function wireText(bytes: string): string {
  if (!/[\x80-\xff]/.test(bytes)) return bytes;
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return bytes;
  }
}

/** For an address: the very bytes, escaped (Fetch, "location URL"). */
export function wireUrl(bytes: string): string {
  return bytes.replaceAll(
    /[\x80-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
