import { commandForms, usualKind } from '../../kinds/command-forms.ts';
import { integerOption } from './command-parts.ts';
import type { CliContext } from './context.ts';
import { UsageError } from './errors.ts';
import { toRunBody, type RunChoices } from './run-options.ts';
import { readText } from './text-input.ts';
import { durationOption, momentOption } from './time.ts';

/** What `submit` was told. */
export interface SubmitChoices extends RunChoices {
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
    kind: choices.kind ?? usualKind,
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
    ...(await toRunBody(context, choices)),
  });
}

function jobNumbers(option: string, texts: readonly string[] | undefined): number[] | undefined {
  return texts?.map((text) => integerOption(option, text, { min: 1, max: Number.MAX_SAFE_INTEGER }));
}

async function toInput(
  context: CliContext,
  choices: SubmitChoices & { script: string | undefined; args: readonly string[] },
): Promise<unknown> {
  const { script, args, kind = usualKind, input } = choices;
  if (input !== undefined) {
    if (script !== undefined) throw new UsageError('Give either --input or a script, not both.');
    return parseInput(await readInput(context, input));
  }
  const form = commandForms[kind];
  if (!form)
    throw new UsageError(
      `--kind ${kind} needs --input with the JSON of its input; "daybook kinds ${kind}" shows its members.`,
    );
  if (script === undefined) throw new UsageError(form.missing);
  return form.toInput([script, ...args]);
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

function withoutUndefined(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
