/** One stream of a program, with texts that nobody may read replaced by as many `*`: offsets stay what they are. */
export interface StreamMask {
  /** What may be shown now; what could be the beginning of such a text is held back. */
  push(bytes: Uint8Array): Uint8Array;
  /** What was held back, at the end of the stream. */
  end(): Uint8Array;
}

const star = 0x2a;
const nothing = Buffer.alloc(0);

/**
 * The bytes as they came are kept beside those shown, because the end of one occurrence may be the beginning of the
 * next.
 */
export function createStreamMask(texts: readonly string[]): StreamMask {
  const patterns = texts.map((text) => Buffer.from(text)).filter(({ length }) => length > 0);
  let heldRaw: Buffer = nothing;
  let heldShown: Buffer = nothing;
  return {
    push: (bytes) => {
      const raw = Buffer.concat([heldRaw, bytes]);
      const shown = Buffer.concat([heldShown, bytes]);
      for (const pattern of patterns) {
        for (let at = raw.indexOf(pattern); at >= 0; at = raw.indexOf(pattern, at + 1))
          shown.fill(star, at, at + pattern.length);
      }
      const held = raw.length - longestBeginning(raw, patterns);
      heldRaw = Buffer.from(raw.subarray(held));
      heldShown = Buffer.from(shown.subarray(held));
      return shown.subarray(0, held);
    },
    end: () => {
      const rest = heldShown;
      heldRaw = heldShown = nothing;
      return rest;
    },
  };
}

/** Length of the longest end of `raw` with which a pattern, not complete yet, begins. */
function longestBeginning(raw: Buffer, patterns: readonly Buffer[]): number {
  let longest = 0;
  for (const pattern of patterns) {
    const first = pattern[0] ?? 0;
    const from = Math.max(0, raw.length - pattern.length + 1);
    for (
      let at = raw.indexOf(first, from);
      at >= 0 && raw.length - at > longest;
      at = raw.indexOf(first, at + 1)
    ) {
      const length = raw.length - at;
      if (raw.compare(pattern, 0, length, at) === 0) longest = length;
    }
  }
  return longest;
}
