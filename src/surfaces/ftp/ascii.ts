/**
 * TYPE A: lines end with CR LF on the way and with LF here (RFC 959, section 3.1.1.1). What has CR LF already is not given
 * another CR, so that files from Windows come back as they are. A conversion keeps a CR or LF between two chunks.
 */
export interface Conversion {
  convert(chunk: Buffer): Buffer;
  /** What is left when nothing follows. */
  end(): Buffer;
}

const cr = 13;
const lf = 10;

/** A file as it is sent. */
export function createToNetwork(): Conversion {
  let isAfterCr = false;
  return {
    convert: (chunk) => {
      const out = Buffer.allocUnsafe(chunk.length * 2);
      let length = 0;
      for (const byte of chunk) {
        if (byte === lf && !isAfterCr) out[length++] = cr;
        out[length++] = byte;
        isAfterCr = byte === cr;
      }
      return out.subarray(0, length);
    },
    end: () => Buffer.alloc(0),
  };
}

/** What comes in as it is stored: a CR alone stays. */
export function createFromNetwork(): Conversion {
  let hasCr = false;
  return {
    convert: (chunk) => {
      const out = Buffer.allocUnsafe(chunk.length + 1);
      let length = 0;
      for (const byte of chunk) {
        if (hasCr && byte !== lf) out[length++] = cr;
        hasCr = byte === cr;
        if (!hasCr) out[length++] = byte;
      }
      return out.subarray(0, length);
    },
    end: () => Buffer.from(hasCr ? [cr] : []),
  };
}
