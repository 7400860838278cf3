import { readFile } from 'node:fs/promises';
import { toArgumentPairs } from './arguments.ts';
import { integerOption } from './command-parts.ts';
import type { CliContext } from './context.ts';
import { UsageError } from './errors.ts';
import { durationOption, momentOption } from './time.ts';

/** What `submit` was told. */
export interface SubmitChoices {
  queue?: string;
  priority?: string;
  label?: string[];
  lane?: string[];
  key?: string;
  after?: string[];
  afterOk?: string[];
  runAt?: string;
  timeout?: string;
  retries?: string;
  name?: string;
  project?: string;
  tag?: string[];
  env?: string[];
  stdin?: string;
  workdir?: string;
  idempotencyKey?: string;
  kind?: string;
  input?: string;
}

/** The body of `POST /jobs`. Only what was said: defaults are the server's. @throws UsageError */
export async function toSubmitBody(
  context: CliContext,
  choices: SubmitChoices & { script: string | undefined; args: readonly string[] },
): Promise<Record<string, unknown>> {
  const { priority, retries, runAt, timeout } = choices;
  return withoutUndefined({
    kind: choices.kind ?? 'script',
    input: await toInput(context, choices),
    name: choices.name,
    queue: choices.queue,
    priority:
      priority === undefined ? undefined : integerOption('--priority', priority, { min: -1_000, max: 1_000 }),
    labels: choices.label,
    lanes: choices.lane,
    concurrencyKey: choices.key,
    after: jobNumbers('--after', choices.after),
    afterOk: jobNumbers('--after-ok', choices.afterOk),
    runAt:
      runAt === undefined ? undefined : momentOption('--run-at', runAt, { direction: 'ahead' }).toISOString(),
    timeoutSeconds: timeout === undefined ? undefined : durationOption('--timeout', timeout) / 1_000,
    retry:
      retries === undefined
        ? undefined
        : { attempts: integerOption('--retries', retries, { min: 0, max: 99 }) + 1 },
    project: choices.project,
    tags: choices.tag,
    idempotencyKey: choices.idempotencyKey,
  });
}

function jobNumbers(option: string, texts: readonly string[] | undefined): number[] | undefined {
  return texts?.map((text) => integerOption(option, text, { min: 1, max: Number.MAX_SAFE_INTEGER }));
}

async function toInput(
  context: CliContext,
  choices: SubmitChoices & { script: string | undefined; args: readonly string[] },
): Promise<unknown> {
  const { script, args, kind = 'script', input } = choices;
  if (input !== undefined) {
    const [extra] = Object.entries({
      'a script': script,
      '--env': choices.env,
      '--stdin': choices.stdin,
      '--workdir': choices.workdir,
    }).flatMap(([name, value]) => (value === undefined ? [] : [name]));
    if (extra !== undefined) throw new UsageError(`Give either --input or ${extra}, not both.`);
    return parseInput(await readInput(context, input));
  }
  if (kind !== 'script') throw new UsageError(`--kind ${kind} needs --input with the JSON of its input.`);
  if (script === undefined) throw new UsageError('Which script? For example: daybook submit report.sh');
  return withoutUndefined({
    script,
    arguments: toArgumentPairs(args),
    env: choices.env === undefined ? undefined : toEnvironment(choices.env),
    stdin: choices.stdin === undefined ? undefined : await readText(context, '--stdin', choices.stdin),
    workdir: choices.workdir,
  });
}

function toEnvironment(assignments: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    assignments.map((assignment) => {
      const at = assignment.indexOf('=');
      if (at <= 0) throw new UsageError(`--env is "${assignment}"; expected NAME=value.`);
      return [assignment.slice(0, at), assignment.slice(at + 1)];
    }),
  );
}

function readInput(context: CliContext, input: string): Promise<string> {
  if (input === '-') return readText(context, '--input', '-');
  return input.startsWith('@') ? readText(context, '--input', input.slice(1)) : Promise.resolve(input);
}

function parseInput(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UsageError(`--input is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The text of a file, or of standard input. @throws UsageError, also when it is no UTF-8 */
export async function readText(context: CliContext, option: string, file: string): Promise<string> {
  const bytes = await (file === '-' ? readAll(context) : readFile(file)).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UsageError(`${option}: ${file} cannot be read (${code}).`);
  });
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(`${option}: ${file === '-' ? 'standard input' : file} is no UTF-8 text.`);
  }
}

async function readAll({ stdin }: CliContext): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stdin) pieces.push(Buffer.from(piece as Uint8Array));
  return Buffer.concat(pieces);
}

function withoutUndefined(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
