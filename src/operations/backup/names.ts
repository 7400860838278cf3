import { isUtf8 } from 'node:buffer';

/** A name as the manifest has it: text, with `%E9` for a byte that is no UTF-8, and `%25` for a percent sign. */
export function encodeName(bytes: Buffer): string {
  if (isUtf8(bytes)) return encodeText(bytes.toString());
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find(
      (count) => at + count <= bytes.length && isUtf8(bytes.subarray(at, at + count)),
    );
    text +=
      length === undefined
        ? `%${bytes.toString('hex', at, at + 1).toUpperCase()}`
        : encodeText(bytes.toString('utf8', at, at + length));
    at += length ?? 1;
  }
  return text;
}

/** A name that is text. */
export function encodeText(text: string): string {
  return text.replaceAll('%', '%25');
}

export function decodeName(text: string): Buffer {
  // Every second part is what stands in the parentheses.
  const parts = text.split(/%([0-9A-F]{2})/);
  return Buffer.concat(parts.map((part, index) => Buffer.from(part, index % 2 === 1 ? 'hex' : 'utf8')));
}

/** The folder may be given as text, the rest is bytes. */
export function joinBytes(folder: string | Buffer, rest: Buffer): Buffer {
  return Buffer.concat([Buffer.from(folder), Buffer.from('/'), rest]);
}
