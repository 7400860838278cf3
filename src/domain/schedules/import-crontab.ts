import { setImmediate as letOthersIn } from 'node:timers/promises';
import type { Actor } from '../../contract/actor.ts';
import { invalidField, isAppError } from '../../contract/errors.ts';
import { scheduledOptions, scheduleTerms, type CrontabImport } from '../../contract/schedule.ts';
import { parseCrontab, type CrontabLine } from './crontab.ts';
import type { CrontabOrder, ScheduleRequest, Schedules } from './ports.ts';
import { readCommand } from './shell-command.ts';

export interface CrontabOptions {
  schedules: Pick<Schedules, 'add' | 'check' | 'list'>;
  /** Names of the files in the scripts directory. */
  scripts: () => Promise<readonly string[]>;
}

type Entry = Extract<CrontabLine, { cron: string }>;

interface Context {
  known: ReadonlySet<string>;
  /** Lower-cased names. */
  taken: Set<string>;
  /** The highest number that was given behind a name, so that a thousand equal lines are not counted from 1 each. */
  counts: Map<string, number>;
  timezone: string;
}

/**
 * Makes a schedule of each line whose program stands in the scripts directory.
 * @throws AppError `invalid_input` when there are more than a crontab has
 */
export async function importCrontab(
  { text, hasUser, timezone, dryRun }: CrontabOrder,
  actor: Actor,
  { schedules, scripts }: CrontabOptions,
): Promise<CrontabImport> {
  const known = new Set(await scripts());
  const taken = new Set((await schedules.list()).map(({ name }) => name.toLowerCase()));
  const context: Context = { known, taken, counts: new Map(), timezone };
  const items: CrontabImport['items'] = [];
  for (const line of read(text, hasUser)) {
    // A rule is tried out, which takes a while for some; others are answered in between.
    await letOthersIn();
    const place = { line: line.line, text: line.text };
    try {
      if ('problem' in line) throw new Unusable(line.problem);
      const request = toRequest(line, context);
      await (dryRun ? schedules.check(request, actor) : schedules.add(request, actor));
      taken.add(request.name.toLowerCase());
      items.push({ ...place, name: request.name, problem: null });
    } catch (error) {
      if (!(error instanceof Unusable) && !(isAppError(error) && error.code === 'invalid_input')) throw error;
      items.push({ ...place, name: null, problem: error.message });
    }
  }
  return { items };
}

function read(text: string, hasUser: boolean): CrontabLine[] {
  try {
    return parseCrontab(text, { hasUser });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw invalidField('crontab', `${error.message}; import it in parts`);
  }
}

/** A line that is no schedule, in words. */
class Unusable extends Error {}

/** @throws Unusable */
function toRequest(entry: Entry, context: Context): ScheduleRequest {
  const { cron, command, stdin, shell, timezone } = entry;
  const read = readCommand(command, { isBash: shell === 'bash' });
  if ('problem' in read) throw new Unusable(read.problem);
  const { program, rest } = read;
  const env = { ...entry.env, ...read.env };
  const script = program.slice(program.lastIndexOf('/') + 1);
  if (!context.known.has(script)) {
    throw new Unusable(`there is no script "${script}" in the scripts directory; put it there first`);
  }
  const options = { ...(Object.keys(env).length > 0 ? { env } : {}), ...(stdin === null ? {} : { stdin }) };
  return {
    ...scheduleTerms.parse({ cron }),
    timezone: timezone ?? context.timezone,
    name: toName(script, context),
    note: `From a crontab: ${command}`.slice(0, 2_000),
    paused: false,
    submit: {
      ...scheduledOptions.parse(options),
      kind: 'script',
      input: { script, arguments: rest === '' ? [] : [['', rest]] },
    },
  };
}

function toName(script: string, { taken, counts }: Context): string {
  const plain =
    script
      .replaceAll(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 50) || 'crontab';
  for (let count = (counts.get(plain) ?? 0) + 1; ; count += 1) {
    const name = count === 1 ? plain : `${plain}-${count}`;
    if (taken.has(name.toLowerCase())) continue;
    counts.set(plain, count);
    return name;
  }
}
