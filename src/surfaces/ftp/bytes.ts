/**
 * Strings of bytes: each character is one byte. Lines, paths and names are kept like this from the socket to the core,
 * since they need not be UTF-8 and have to come back as the very same bytes.
 */
export type Bytes = string;

export function toBytes(text: string | Uint8Array): Bytes {
  return typeof text === 'string'
    ? Buffer.from(text).toString('latin1')
    : Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('latin1');
}

export function fromBytes(bytes: Bytes): Buffer {
  return Buffer.from(bytes, 'latin1');
}

/** For logs and the audit: as UTF-8, with the replacement sign for what is none. */
export function toText(bytes: Bytes): string {
  return fromBytes(bytes).toString();
}
