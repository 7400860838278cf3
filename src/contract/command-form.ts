/**
 * How an input is said in words, as a command line has them: `daybook submit report.sh --month 3`. For kinds with which
 * that is shorter than JSON; the form on the page shows it, too.
 */
export interface CommandForm {
  /** What to tell somebody who gave no word at all. */
  readonly missing: string;
  /** The input that one or more words mean. */
  toInput(words: readonly string[]): Record<string, unknown>;
  /** The words that mean an input; null where none would mean just that. */
  toWords(input: Readonly<Record<string, unknown>>): string[] | null;
  /** Members of an input that words replace when a job is run again. */
  toEdit(words: readonly string[]): Record<string, unknown>;
}
