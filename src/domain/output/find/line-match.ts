import { visibleText } from '../../../contract/terminal-line.ts';

/** What is looked for. */
export interface SoughtText {
  text: string;
  /** Of the letters A to Z. */
  ignoresCase: boolean;
}

/**
 * Whether people see the text in a line: sequences of terminals and what was written over do not count, and how an accent
 * is composed makes no difference (UAX #15).
 */
export function createLineMatch({ text, ignoresCase }: SoughtText): (line: string) => boolean {
  const fold = (value: string): string => {
    const composed = value.normalize('NFC');
    return ignoresCase ? foldCase(composed) : composed;
  };
  const wanted = fold(text);
  return (line) => fold(visibleText(line)).includes(wanted);
}

/** The bytes by which the text may stand in output: as it was given, composed and decomposed. */
export function formsOf({ text }: SoughtText): Buffer[] {
  const forms = new Set([text, text.normalize('NFC'), text.normalize('NFD')]);
  return [...forms].map((form) => Buffer.from(form));
}

/** Letters of ASCII only, as the search of the bytes does. */
function foldCase(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
