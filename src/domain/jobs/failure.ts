/** Which failures are alike: a signature of what was said, without numbers, paths and names that differ each time. */
import { createHash } from 'node:crypto';
import { visibleText } from '../../contract/terminal-line.ts';
import type { AttemptOutcome, FailureFamily } from './ports.ts';

const maxSignature = 300;
const maxLine = 500;

/** In order: a number is also a part of the things before it. */
const variable: readonly [RegExp, string][] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>'],
  [/\b\d{4}-\d\d-\d\d(?:[T _]+\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?/g, '<time>'],
  [/\b\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?\b/g, '<time>'],
  [/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi, '<address>'],
  [/(?:\b[A-Za-z]:)?(?:[\w.@~+-]*[\\/]){1,}[\w.@~+-]+(?:[\\/])?/g, '<path>'],
  [/\b0x[0-9a-f]+\b/gi, '<n>'],
  [/\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,}\b/gi, '<id>'],
  [/[+-]?\b\d+(?:[.,]\d+)*(?:e[+-]?\d+)?/gi, '<n>'],
  // Of a word: which node, block or part it was.
  [/(?<=[\p{L}_])\d+/gu, '<n>'],
  [/\s+/g, ' '],
];

/** What stays of a message when everything that differs from run to run is gone. */
export function normaliseFailure(text: string): string {
  const plain = variable.reduce(
    (rest, [pattern, name]) => rest.replace(pattern, name),
    visibleText(text.slice(0, maxLine * 4)),
  );
  return plain.trim().slice(0, maxSignature).toWellFormed();
}

/** The family of a failed attempt; null when it did not fail. */
export function familyOf(
  outcome: Pick<AttemptOutcome, 'state' | 'reason' | 'exitCode' | 'signal' | 'message' | 'errorLine'>,
): FailureFamily | null {
  const { state, reason, exitCode, signal, message, errorLine } = outcome;
  if (state !== 'failed' || reason === null) return null;
  const cause = [reason, signal ?? (exitCode === null || exitCode === 0 ? null : exitCode)];
  const said = normaliseFailure(errorLine ?? message ?? '');
  const signature = `${cause.filter((part) => part !== null).join(' ')}${said === '' ? '' : `: ${said}`}`;
  return { id: createHash('sha256').update(signature).digest('hex').slice(0, 16), signature };
}

const telling =
  /error|exception|fatal|fail|panic|abort|denied|refused|cannot|can't|could not|not found|no such|unable|invalid|segmentation|killed|traceback|undefined|diverg/i;

/**
 * The line that says best what went wrong: the last one that sounds like it, else the last one of stderr at all.
 * @param lines the last lines of each stream, oldest first
 */
export function findErrorLine(lines: {
  stdout: readonly string[];
  stderr: readonly string[];
}): string | null {
  const [stderr, stdout] = [lines.stderr, lines.stdout].map((printed) =>
    printed.map((line) => visibleText(line).trim()).filter((line) => line !== ''),
  ) as [string[], string[]];
  const line =
    stderr.findLast((one) => telling.test(one)) ??
    stderr.at(-1) ??
    stdout.findLast((one) => telling.test(one));
  return line === undefined ? null : line.slice(0, maxLine).toWellFormed();
}
