/** The bytes of an XML document as text, piece by piece (XML 1.0, 4.3.3 and appendix F). */

export interface XmlDecoder {
  /** @param isLast nothing follows: half a character at the end is wrong, too */
  decode(
    bytes: Buffer,
    isLast: boolean,
  ): {
    text: string;
    /** What is wrong with the byte after that text; null: nothing. */
    problem: string | null;
  };
}

/**
 * By the byte order mark, else as the document declares it, else UTF-8.
 * @param start its first bytes, the declaration among them
 */
export function createXmlDecoder(start: Buffer): XmlDecoder {
  const encoding = markedEncoding(start) ?? unmarkedWidth(start) ?? declaredEncoding(start) ?? 'utf-8';
  let strict: InstanceType<typeof TextDecoder>;
  try {
    strict = new TextDecoder(encoding, { fatal: true });
  } catch {
    return { decode: () => ({ text: '', problem: `the encoding ${encoding} is not known` }) };
  }
  return {
    decode: (bytes, isLast) => {
      try {
        return { text: strict.decode(bytes, { stream: !isLast }), problem: null };
      } catch {
        const [text = ''] = new TextDecoder(encoding).decode(bytes).split('\u{FFFD}', 1);
        return { text, problem: `bytes that are no ${encoding}` };
      }
    },
  };
}

/** By its byte order mark. */
export function markedEncoding([first, second, third]: Buffer): string | null {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return first === 0xef && second === 0xbb && third === 0xbf ? 'utf-8' : null;
}

/** By how wide its first character is, which can only be `<`. */
function unmarkedWidth([first, second]: Buffer): string | null {
  if (first === 0x3c && second === 0) return 'utf-16le';
  return first === 0 && second === 0x3c ? 'utf-16be' : null;
}

/** By its XML declaration. */
export function declaredEncoding(start: Buffer): string | null {
  const declaration = start.toString('latin1', 0, 300);
  const [, encoding] = /^<\?xml\s[^>]*?\sencoding\s*=\s*["']([\w.-]+)["']/.exec(declaration) ?? [];
  if (encoding === undefined) return null;
  // That the declaration could be read as single bytes proves it wrong: some programs write their own strings' encoding.
  return /^(utf-?16|utf-?32|ucs|iso-10646)/i.test(encoding) ? null : encoding.toLowerCase();
}
