export interface ParsedLine {
  /** In capitals; empty for an empty line. */
  verb: string;
  /** Bytes, as `LineReader` gives them. What follows one blank: a name may begin and end with others. */
  argument: string;
}

/**
 * Marks of Telnet whose IAC went as urgent data are left before the verb, which is ASCII: `\xf4\xf2ABOR`.
 */
export function parseLine(text: string): ParsedLine {
  const line = text.replace(/^[\xf0-\xff]+/, '');
  const blank = line.indexOf(' ');
  if (blank === -1) return { verb: line.toUpperCase(), argument: '' };
  return { verb: line.slice(0, blank).toUpperCase(), argument: line.slice(blank + 1) };
}
