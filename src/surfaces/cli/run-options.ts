import type { Command } from 'commander';
import { parseSize } from '../../lib/size.ts';
import { collect, integerOption } from './command-parts.ts';
import type { CliContext } from './context.ts';
import { UsageError } from './errors.ts';
import { readText } from './text-input.ts';
import { durationOption } from './time.ts';

/** How the program is to run. */
export interface RunChoices {
  env?: string[];
  secret?: string[];
  stdin?: string;
  workdir?: string;
  memory?: string;
  cpu?: string;
  processes?: string;
  openFiles?: string;
  outputLimit?: string;
  nice?: string;
}

export function withRunOptions(command: Command): Command {
  return command
    .option('-e, --env <name=value>', 'variable for the program; may be repeated', collect)
    .option('--secret <name=secret>', 'variable with the value of a named secret; may be repeated', collect)
    .option('--stdin <file>', 'text for its standard input; - is that of this command')
    .option('--workdir <folder>', 'folder inside the home directory to run in')
    .option('--memory <size>', 'memory it may use: 512MiB, 2GiB')
    .option('--cpu <time>', 'CPU time it may use: 90, 10m')
    .option('--processes <number>', 'how many processes it may have at once')
    .option('--open-files <number>', 'files that each of its processes may have open')
    .option('--output-limit <size>', 'what it may print')
    .option('--nice <number>', 'how much it steps back for others, 0 to 19');
}

/** The members of the submit's body. Only what was said. @throws UsageError */
export async function toRunBody(context: CliContext, choices: RunChoices): Promise<Record<string, unknown>> {
  const { stdin, workdir, nice } = choices;
  const env = toEnvironment(choices);
  const limits = toLimits(choices);
  return {
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(nice === undefined ? {} : { nice: integerOption('--nice', nice, { min: 0, max: 19 }) }),
    ...(Object.keys(env).length === 0 ? {} : { env }),
    ...(stdin === undefined ? {} : { stdin: await readText(context, '--stdin', stdin) }),
    ...(workdir === undefined ? {} : { workdir }),
  };
}

function toLimits({ memory, cpu, processes, openFiles, outputLimit }: RunChoices): Record<string, number> {
  const count = { min: 1, max: 1_000_000 };
  return {
    ...(cpu === undefined ? {} : { cpuSeconds: durationOption('--cpu', cpu) / 1_000 }),
    ...(memory === undefined ? {} : { memoryBytes: sizeOption('--memory', memory) }),
    ...(processes === undefined ? {} : { processes: integerOption('--processes', processes, count) }),
    ...(openFiles === undefined ? {} : { openFiles: integerOption('--open-files', openFiles, count) }),
    ...(outputLimit === undefined ? {} : { outputBytes: sizeOption('--output-limit', outputLimit) }),
  };
}

function sizeOption(name: string, text: string): number {
  const bytes = parseSize(text);
  if (bytes !== null && bytes > 0) return bytes;
  throw new UsageError(`${name} is "${text}"; expected a size like 512MiB or 2GiB.`);
}

function toEnvironment({ env = [], secret = [] }: RunChoices): Record<string, unknown> {
  return Object.fromEntries([
    ...env.map((text) => split('--env', text, 'value')),
    ...secret.map((text) => {
      const [variable, name] = split('--secret', text, 'secret');
      return [variable, { secret: name }] as const;
    }),
  ]);
}

function split(option: string, text: string, what: string): [string, string] {
  const at = text.indexOf('=');
  if (at <= 0) throw new UsageError(`${option} is "${text}"; expected NAME=${what}.`);
  return [text.slice(0, at), text.slice(at + 1)];
}
