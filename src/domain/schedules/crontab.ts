/** What a line of a crontab asks for, as crontab(5) reads it. */
export type CrontabLine = { line: number; text: string } & (
  | { problem: string }
  | {
      cron: string;
      /** Of the last `CRON_TZ` above it; null: none. */
      timezone: string | null;
      command: string;
      /** What follows the first unescaped `%`, each further one a line's end; null: nothing. */
      stdin: string | null;
      env: Record<string, string>;
    }
);

/** Read by cron itself, not by what it starts. */
const ofCron = new Set(['MAILTO', 'MAILFROM', 'SHELL', 'CRON_TZ', 'RANDOM_DELAY', 'CONTENT_TYPE']);

/** Reads a file in the form of crontab(5). `hasUser`: a sixth field names a user, as in /etc/crontab. */
export function parseCrontab(text: string, { hasUser }: { hasUser: boolean }): CrontabLine[] {
  let env: Record<string, string> = {};
  let timezone: string | null = null;
  const found: CrontabLine[] = [];
  text.split(/\r?\n/).forEach((raw, index) => {
    const trimmed = raw.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const setting = /^(?:"([^"]+)"|'([^']+)'|([A-Za-z_]\w*))\s*=\s*(.*)$/.exec(trimmed);
    if (setting) {
      const name = setting[1] ?? setting[2] ?? setting[3] ?? '';
      const value = unquote(setting[4] ?? '');
      if (name === 'CRON_TZ') timezone = value === '' ? null : value;
      else if (!ofCron.has(name)) env = { ...env, [name]: value };
      return;
    }
    found.push({ line: index + 1, text: trimmed, ...parseEntry(trimmed, { hasUser, timezone, env }) });
  });
  return found;
}

function parseEntry(
  text: string,
  { hasUser, timezone, env }: { hasUser: boolean; timezone: string | null; env: Record<string, string> },
) {
  if (/^@reboot\b/.test(text)) return { problem: '`@reboot` is no time; a job of it would never be due' };
  const fields = text.startsWith('@') ? 1 : 5;
  const words = Array.from({ length: fields + (hasUser ? 1 : 0) }, () => String.raw`\S+`).join(
    String.raw`\s+`,
  );
  const match = new RegExp(String.raw`^(${words})\s+(.+)$`).exec(text);
  if (!match) return { problem: `expected ${hasUser ? 'a time, a user' : 'a time'} and a command` };
  const cron = (match[1] ?? '').split(/\s+/).slice(0, fields).join(' ');
  return { cron, timezone, env, ...splitInput(match[2] ?? '') };
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
