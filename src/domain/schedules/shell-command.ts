import { findQuoteProblem, splitWords } from '../../contract/quoted-words.ts';

export interface PlainCommand {
  /** Of assignments in front of the program. */
  env: Record<string, string>;
  program: string;
  /** As it was written, quotes and all. */
  rest: string;
}

/**
 * A command of sh(1) that needs no shell to be understood: assignments, a program, words and quotes. A comment is left
 * out (POSIX.1-2024, XCU 2.3, token recognition, rule 9).
 * @param isBash it is read by bash, which knows more
 * @returns what is wrong, in words, where it does need one
 */
export function readCommand(
  text: string,
  { isBash }: { isBash: boolean },
): PlainCommand | { problem: string } {
  const command = plainPart(text, isBash);
  if (command === null)
    return {
      problem: 'needs a shell; put the line into a script of the scripts directory, and schedule that',
    };
  const quotes = findQuoteProblem(command);
  if (quotes !== null) return { problem: quotes };
  const env: Record<string, string> = {};
  let left = command.trim();
  for (;;) {
    const [, name = '', value = '', after = ''] = assignment.exec(left) ?? [];
    if (name === '') break;
    env[name] = splitWords(value)[0] ?? '';
    left = after;
  }
  const [, program = '', rest = ''] = /^((?:"[^"]*"|'[^']*'|[^\s"'])+)\s*(.*)$/s.exec(left) ?? [];
  if (program === '') return { problem: 'names no program' };
  return { env, program: splitWords(program)[0] ?? '', rest };
}

const assignment = /^([A-Za-z_]\w*)=((?:"[^"]*"|'[^']*'|[^\s"'])*)(?:\s+(.*)|$)/s;

/** Up to a comment; null: characters stand in it that a shell would not hand on as they are. */
function plainPart(text: string, isBash: boolean): string | null {
  let quote: string | null = null;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? '';
    const isFirst = quote === null && /^\s?$/.test(text[at - 1] ?? '');
    if (quote !== null) {
      if (character === quote) quote = null;
      else if (quote === '"' && /[$`\\]/.test(character)) return null;
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '#' && isFirst) return text.slice(0, at);
    else if (/[|&;<>()$`\n*?[\]\\]/.test(character)) return null;
    else if (character === '~' && /^[\s=:]?$/.test(text[at - 1] ?? '')) return null;
    else if (isBash && /[{}!]/.test(character)) return null;
  }
  return text;
}
