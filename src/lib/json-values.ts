/**
 * Whether a JSON text has more values than so many, told before it is read: to read and check a million of them takes
 * longer than others should wait. Commas outside of texts are counted, as far as needed; whether it is JSON at all is
 * not looked at.
 */
export function hasMoreValues(text: string, most: number): boolean {
  let commas = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') at = endOfText(text, at);
    else if (character === ',') commas += 1;
    if (commas >= most) return true;
  }
  return false;
}

/** Deeper documents are nothing a person wrote; recursive code after us (zod, JSON.stringify, jsonb) would give up. */
export const mostLevels = 64;

/** Whether objects and lists of a JSON text stand in more than `mostLevels` others, told before it is read. */
export function isNestedTooDeeply(text: string): boolean {
  let levels = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') at = endOfText(text, at);
    else if (character === '[' || character === '{') levels += 1;
    else if (character === ']' || character === '}') levels -= 1;
    if (levels > mostLevels) return true;
  }
  return false;
}

/** Of the closing quotation mark; the end where there is none. */
function endOfText(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}
