import { markOverrides } from '../../contract/bidi-overrides.ts';

/**
 * Text from elsewhere (a job's name, a worker's message) on one line, with control characters made visible: an escape
 * sequence in a name must not move the cursor or change the title of whoever looks at a list, nor reorder what stands
 * around it.
 */
export function cleanText(text: string): string {
  return markOverrides(text.replaceAll(/\s*\n\s*/g, ' ')).replaceAll(/\p{Cc}/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code === 9) return ' ';
    return code < 32 ? String.fromCodePoint(0x24_00 + code) : '\u{FFFD}';
  });
}
