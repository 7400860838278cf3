/** What a line of a crontab asks for, as crontab(5) reads it. */
export type CrontabLine = { line: number; text: string } & (
  | { problem: string }
  | {
      cron: string;
      /** Of the last `CRON_TZ` above it; null: none. */
      timezone: string | null;
      command: string;
      /** Who reads the command, by its file name; null: sh. */
      shell: string | null;
      /** What follows the first unescaped `%`, each further one a line's end; null: nothing. */
      stdin: string | null;
      env: Record<string, string>;
    }
);

/** Read by cron itself, not by what it starts. */
const ofCron = new Set(['MAILTO', 'MAILFROM', 'SHELL', 'CRON_TZ', 'RANDOM_DELAY', 'CONTENT_TYPE']);

/** A crontab has fewer. Each entry is looked at, stored and answered for by itself, with the variables above it. */
const mostEntries = 2_000;
const mostVariables = 200;
const longestEntry = 10_000;

/**
 * Reads a file in the form of crontab(5). `hasUser`: a sixth field names a user, as in /etc/crontab.
 * @throws RangeError when it has too many entries, or too many variables
 */
export function parseCrontab(text: string, { hasUser }: { hasUser: boolean }): CrontabLine[] {
  const variables = new Map<string, string>();
  /** What entries share until a variable changes. */
  let env: Record<string, string> | null = null;
  let timezone: string | null = null;
  let shell: string | null = null;
  const found: CrontabLine[] = [];
  text.split(/\r?\n/).forEach((raw, index) => {
    const trimmed = raw.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const setting = /^(?:"([^"]+)"|'([^']+)'|([A-Za-z_]\w*))\s*=\s*(.*)$/.exec(trimmed);
    if (setting) {
      const name = setting[1] ?? setting[2] ?? setting[3] ?? '';
      const value = unquote(setting[4] ?? '');
      if (name === 'CRON_TZ') timezone = value === '' ? null : value;
      else if (name === 'SHELL') shell = value.slice(value.lastIndexOf('/') + 1);
      else if (!ofCron.has(name)) {
        variables.set(name, value);
        env = null;
      }
      if (variables.size > mostVariables)
        throw new RangeError(`it sets more than ${mostVariables} variables`);
      return;
    }
    if (found.length === mostEntries) throw new RangeError(`it has more than ${mostEntries} entries`);
    env ??= Object.fromEntries(variables);
    found.push({ line: index + 1, text: trimmed, ...parseEntry(trimmed, { hasUser, timezone, shell, env }) });
  });
  return found;
}

interface Above {
  hasUser: boolean;
  timezone: string | null;
  shell: string | null;
  env: Record<string, string>;
}

function parseEntry(text: string, { hasUser, ...above }: Above) {
  if (text.length > longestEntry) return { problem: `is longer than ${longestEntry} characters` };
  if (/^@reboot\b/.test(text)) return { problem: '`@reboot` is no time; a job of it would never be due' };
  const fields = text.startsWith('@') ? 1 : 5;
  const words = Array.from({ length: fields + (hasUser ? 1 : 0) }, () => String.raw`\S+`).join(
    String.raw`\s+`,
  );
  const match = new RegExp(String.raw`^(${words})\s+(.+)$`).exec(text);
  if (!match) return { problem: `expected ${hasUser ? 'a time, a user' : 'a time'} and a command` };
  const cron = (match[1] ?? '').split(/\s+/).slice(0, fields).join(' ');
  return { cron, ...above, ...splitInput(match[2] ?? '') };
}

function splitInput(command: string): { command: string; stdin: string | null } {
  const [first = '', ...lines] = command
    .split(/(?<!\\)%/)
    .map((part) => part.replaceAll(String.raw`\%`, '%'));
  return { command: first.trim(), stdin: lines.length === 0 ? null : `${lines.join('\n')}\n` };
}

function unquote(text: string): string {
  return /^(["']).*\1$/.test(text) ? text.slice(1, -1) : text;
}
