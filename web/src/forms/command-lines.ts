import { commandForms, usualKind } from '../../../src/kinds/command-forms.ts';
import { isRecord } from './problems.ts';

/** A word as a POSIX shell reads it back. */
export function quoteWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The call that sends a body, with a token of `DAYBOOK_TOKEN`. */
export function toCurl(origin: string, body: unknown): string {
  return [
    `curl ${quoteWord(`${origin}/api/v1/jobs`)} \\`,
    `  -H "authorization: Bearer $DAYBOOK_TOKEN" \\`,
    `  -H 'content-type: application/json' \\`,
    `  -d ${quoteWord(JSON.stringify(body))}`,
  ].join('\n');
}

type Writer = (value: unknown) => string[];

const one =
  (option: string): Writer =>
  (value) => [option, String(value)];
const each =
  (option: string): Writer =>
  (value) =>
    Array.isArray(value) ? value.flatMap((item) => [option, String(item)]) : [];

/** The options of `daybook submit`, by member of the body. */
const writers: Readonly<Record<string, Writer>> = {
  name: one('--name'),
  queue: one('--queue'),
  priority: one('--priority'),
  labels: each('--label'),
  lanes: each('--lane'),
  concurrencyKey: one('--key'),
  after: each('--after'),
  afterOk: each('--after-ok'),
  runAt: one('--run-at'),
  timeoutSeconds: one('--timeout'),
  retry: (value) =>
    isRecord(value) && typeof value['attempts'] === 'number'
      ? ['--retries', String(value['attempts'] - 1)]
      : [],
  project: one('--project'),
  tags: each('--tag'),
  idempotencyKey: one('--idempotency-key'),
  workdir: one('--workdir'),
  nice: one('--nice'),
  env: (value) =>
    Object.entries(isRecord(value) ? value : {}).flatMap(([name, given]) =>
      isRecord(given)
        ? ['--secret', `${name}=${String(given['secret'])}`]
        : ['--env', `${name}=${String(given)}`],
    ),
  limits: (value) =>
    Object.entries(isRecord(value) ? value : {}).flatMap(([name, given]) => {
      const option = limitOptions[name];
      return option ? [option, String(given)] : [];
    }),
};

const limitOptions: Readonly<Record<string, string>> = {
  cpuSeconds: '--cpu',
  memoryBytes: '--memory',
  processes: '--processes',
  openFiles: '--open-files',
  outputBytes: '--output-limit',
};

/** The line of the command line, and the members that it cannot say. */
export function toCommandLine(body: Readonly<Record<string, unknown>>): { line: string; left: string[] } {
  const { kind, input, ...options } = body;
  const words = Object.entries(options).flatMap(([name, value]) => writers[name]?.(value) ?? []);
  const left = Object.entries(options).flatMap(([name, value]) => leftOf(name, value));
  if (kind !== usualKind) words.push('--kind', String(kind));
  const said = isRecord(input) ? commandForms[String(kind)]?.toWords(input) : null;
  const tail = said ?? ['--input', JSON.stringify(input)];
  return { line: ['daybook', 'submit', ...words, ...tail].map(quoteWord).join(' '), left };
}

function leftOf(name: string, value: unknown): string[] {
  if (!writers[name]) return [name];
  if (name !== 'retry' || !isRecord(value)) return [];
  return Object.keys(value).flatMap((member) => (member === 'attempts' ? [] : [`retry.${member}`]));
}
