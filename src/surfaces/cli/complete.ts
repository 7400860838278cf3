import type { Command, Option } from 'commander';
import { notificationEvents } from '../../contract/notification-facts.ts';
import { removals } from '../../contract/retention.ts';
import { jobStates } from '../../contract/states.ts';
import { streams } from '../../contract/stream.ts';
import { parseServerUrl, type Client } from './client.ts';
import { connect } from './connection.ts';
import type { CliContext } from './context.ts';

/** What a word may be, where that can be listed. */
type Values =
  | { from: 'list'; values: readonly string[] }
  | { from: 'server'; path: string; member: 'id' | 'name'; query?: Record<string, string | number> };

const jobs: Values = { from: 'server', path: '/jobs', member: 'id', query: { limit: 100 } };
const liveJobs: Values = { ...jobs, query: { limit: 100, state: 'live' } };
const endedJobs: Values = { ...jobs, query: { limit: 100, state: 'failed,cancelled' } };
const kinds: Values = { from: 'server', path: '/kinds', member: 'name' };
const queues: Values = { from: 'server', path: '/queues', member: 'name' };
const scripts: Values = { from: 'server', path: '/scripts', member: 'name' };
const workers: Values = { from: 'server', path: '/workers', member: 'name' };
const views: Values = { from: 'server', path: '/views', member: 'name' };
const notificationRules: Values = { from: 'server', path: '/notification-rules', member: 'name' };
const rules: Values = { from: 'server', path: '/retention-rules', member: 'name' };
const list = (...values: string[]): Values => ({ from: 'list', values });

/** `command argument` and `--option` → what it may be. What is missing here is left to the shell: a file, or free text. */
const known: Readonly<Record<string, Values>> = {
  'job id': jobs,
  'logs id': jobs,
  'edit job': jobs,
  'capsule job': jobs,
  'again job': jobs,
  'find job': jobs,
  'why job': liveJobs,
  'cancel id': liveJobs,
  'retry id': endedJobs,
  'submit script': scripts,
  'kinds kind': kinds,
  'script show name': scripts,
  'script remove name': scripts,
  'script versions name': scripts,
  'queue pause name': queues,
  'queue resume name': queues,
  'queue drain name': queues,
  'queue limit name': queues,
  'queue remove name': queues,
  'workers drain name': workers,
  'workers resume name': workers,
  'view set name': views,
  'view remove name': views,
  'notify show rule': notificationRules,
  'notify change rule': notificationRules,
  'notify pause rule': notificationRules,
  'notify resume rule': notificationRules,
  'notify remove rule': notificationRules,
  'notify preview rule': notificationRules,
  'notify test rule': notificationRules,
  'notify deliveries rule': notificationRules,
  'retention change rule': rules,
  'retention remove rule': rules,
  'bulk action': list('cancel', 'retry', 'delete', 'tag', 'untag', 'move', 'assess'),
  'completion shell': list('bash', 'zsh', 'fish'),
  'events job': jobs,
  '--view': views,
  '--kind': kinds,
  '--queue': queues,
  '--after': jobs,
  '--after-ok': jobs,
  '--state': list(...jobStates, 'live', 'ended'),
  '--stream': list(...streams),
  '--roles': list('web', 'worker'),
  '--removes': list(...removals),
  '--role': list('viewer', 'member', 'operator', 'admin'),
  '--on': list(...notificationEvents),
  '--offline': list('run', 'refuse'),
};

/** Somebody waits with a finger on the key. */
const answerWithinMs = 1_500;

/** What the last of the words may become; nothing where the shell knows better. Asks the server where that helps. */
export async function complete(
  context: CliContext,
  program: Command,
  words: readonly string[],
): Promise<string[]> {
  const { before, name, prefix } = splitOption(words);
  const place = findPlace(program, withoutEquals(before));
  const found = await candidates(context, place, prefix);
  return found
    .filter((word) => word.startsWith(prefix))
    .map((word) => `${name}${word}`)
    .sort();
}

/** bash cuts `--state=fa` into words of its own; other shells leave it one, and want it back as one. */
function splitOption(words: readonly string[]): { before: readonly string[]; name: string; prefix: string } {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const [, name = '', option = '', prefix = ''] = /^((--[^=]+)=)(.*)$/s.exec(current) ?? [];
  if (name === '' || before.includes('--'))
    return { before, name: '', prefix: current === '=' ? '' : current };
  return { before: [...before, option], name, prefix };
}

interface Place {
  command: Command;
  /** `queue pause` */
  path: string;
  /** Arguments before this word. */
  argumentCount: number;
  /** The option whose value this word is. */
  option: Option | undefined;
  /** Behind `--`: nothing of ours any more. */
  isBehindDashes: boolean;
  url: string | undefined;
}

function findPlace(program: Command, words: readonly string[]): Place {
  const place: Place = {
    command: program,
    path: '',
    argumentCount: 0,
    option: undefined,
    isBehindDashes: false,
    url: undefined,
  };
  for (const word of words) {
    if (place.option) {
      if (place.option.long === '--url') place.url = word;
      place.option = undefined;
    } else if (word === '--') place.isBehindDashes = true;
    else if (word.startsWith('-') && !place.isBehindDashes) place.option = valuedOption(place.command, word);
    else step(place, word);
  }
  return place;
}

function step(place: Place, word: string): void {
  const child = place.command.commands.find((one) => one.name() === word || one.aliases().includes(word));
  if (!child || place.argumentCount > 0) {
    place.argumentCount += 1;
    return;
  }
  place.command = child;
  place.path = `${place.path} ${child.name()}`.trim();
}

function valuedOption(command: Command, word: string): Option | undefined {
  if (word.includes('=')) return undefined;
  const option = command.options.find(({ long, short }) => long === word || short === word);
  return option && (option.required || option.optional) ? option : undefined;
}

/** bash cuts `--state=failed` into three words. */
function withoutEquals(words: readonly string[]): string[] {
  return words.filter((word, index) => word !== '=' || !words[index - 1]?.startsWith('-'));
}

async function candidates(context: CliContext, place: Place, prefix: string): Promise<readonly string[]> {
  const { command, path, argumentCount, option, isBehindDashes } = place;
  if (isBehindDashes) return [];
  if (option) return valuesOf(context, place, known[option.long ?? '']);
  const help = command.createHelp();
  if (prefix.startsWith('-')) return help.visibleOptions(command).flatMap(({ long }) => long ?? []);
  const subcommands = argumentCount === 0 ? help.visibleCommands(command).map((one) => one.name()) : [];
  const { registeredArguments } = command;
  const argument =
    registeredArguments[argumentCount] ?? registeredArguments.findLast(({ variadic }) => variadic);
  return [...subcommands, ...(await valuesOf(context, place, known[`${path} ${argument?.name() ?? ''}`]))];
}

async function valuesOf(
  context: CliContext,
  place: Place,
  values: Values | undefined,
): Promise<readonly string[]> {
  if (!values) return [];
  if (values.from === 'list') return values.values;
  const { path, member, query } = values;
  try {
    const client = await connectQuietly(context, place.url);
    const signal = AbortSignal.timeout(answerWithinMs);
    const { items } = await client.get<{ items: Record<string, unknown>[] }>(path, {
      signal,
      ...(query ? { query } : {}),
    });
    return items.map((item) => String(item[member]));
  } catch {
    // No server, or not signed in: nothing to offer, and nowhere to say so.
    return [];
  }
}

/** Never asks for a password. */
function connectQuietly(context: CliContext, url: string | undefined): Promise<Client> {
  const stdin = Object.assign(Object.create(context.stdin) as CliContext['stdin'], { isTTY: false });
  return connect({ ...context, stdin }, url === undefined ? {} : { url: parseServerUrl(url).url });
}
