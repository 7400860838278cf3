import { declaredEncoding, markedEncoding } from './xml-decoder.ts';

/** HTML looks for a declaration in so many of the first bytes. */
const prescanBytes = 1_024;

/**
 * In which encoding a body is: by its byte order mark, its header, what it says itself, else UTF-8 (HTML, "determining
 * the character encoding"; XML 1.0, appendix F). A name that nobody knows counts as none.
 */
export function charsetOf(bytes: Buffer, contentType: string): string {
  const named = [
    markedEncoding(bytes),
    /charset\s*=\s*"?([\w.:-]+)/i.exec(contentType)?.[1] ?? null,
    declaredEncoding(bytes),
    metaCharset(bytes),
  ];
  return named.find((name) => name !== null && isKnown(name)) ?? 'utf-8';
}

function metaCharset(bytes: Buffer): string | null {
  const start = bytes.toString('latin1', 0, prescanBytes).replaceAll(/<!--.*?-->/gs, '');
  for (const [tag] of start.matchAll(/<meta\s[^>]*>/gi)) {
    const name = /[\s;"']charset\s*=\s*["']?\s*([\w.:-]+)/i.exec(tag)?.[1];
    // That the tag could be read as single bytes proves it wrong.
    if (name !== undefined) return /^utf-?16/i.test(name) ? 'utf-8' : name;
  }
  return null;
}

function isKnown(name: string): boolean {
  try {
    return new TextDecoder(name) instanceof TextDecoder;
  } catch {
    return false;
  }
}
