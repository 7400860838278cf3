import type { Command } from 'commander';
import { weekdays, type Blackout, type Weekday } from '../../contract/schedule.ts';
import { collect, integerOption } from './command-parts.ts';
import { UsageError } from './errors.ts';
import { durationOption, momentOption } from './time.ts';

/** When a schedule is due, as the command line says it. */
export interface TermChoices {
  timezone?: string;
  overlap?: string;
  missed?: string;
  missedLimit?: string;
  starts?: string;
  ends?: string;
  jitter?: string;
  blackout?: string[];
  note?: string;
}

export function withTermOptions(command: Command): Command {
  return command
    .option('--timezone <zone>', "in which the rule is read, such as Europe/Madrid; else the server's")
    .option('--overlap <policy>', 'while its job has not ended: skip, queue, replace, allow')
    .option('--missed <policy>', 'for moments that passed unseen: skip, once, all')
    .option('--missed-limit <number>', 'with "all": the newest so many')
    .option('--starts <time>', 'nothing before: 2h, "2026-03-01 14:30"; "none" lifts it')
    .option('--ends <time>', 'nothing then or later; "none" lifts it')
    .option('--jitter <time>', 'begin up to this much later: 90, 10m')
    .option(
      '--blackout <days times>',
      'nothing in this time: "mon-fri 22:00-06:00", "sat,sun 00:00-24:00"; may be repeated; "none" lifts all',
      collect,
    )
    .option('--note <text>', 'why it is there');
}

/** Only what was said. @throws UsageError */
export function toTerms(choices: TermChoices): Record<string, unknown> {
  const { missedLimit, starts, ends, jitter, blackout } = choices;
  const terms = {
    timezone: choices.timezone,
    overlap: choices.overlap,
    missed: choices.missed,
    missedLimit:
      missedLimit === undefined
        ? undefined
        : integerOption('--missed-limit', missedLimit, { min: 1, max: 1_000 }),
    startsAt: starts === undefined ? undefined : toMoment('--starts', starts),
    endsAt: ends === undefined ? undefined : toMoment('--ends', ends),
    jitterSeconds: jitter === undefined ? undefined : Math.round(durationOption('--jitter', jitter) / 1_000),
    blackouts: blackout === undefined ? undefined : toBlackouts(blackout),
    note: choices.note,
  };
  return Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined));
}

function toMoment(option: string, text: string): string | null {
  return text === 'none' ? null : momentOption(option, text, { direction: 'ahead' }).toISOString();
}

function toBlackouts(texts: readonly string[]): Blackout[] {
  return texts.length === 1 && texts[0] === 'none' ? [] : texts.map(toBlackout);
}

function toBlackout(text: string): Blackout {
  const match = /^(\S+)\s+(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text.trim().toLowerCase());
  const days = match?.[1]?.split(',').flatMap(toDays);
  if (!match || !days || days.length === 0 || days.includes(undefined)) {
    throw new UsageError(`--blackout: expected days and times such as "mon-fri 22:00-06:00", got "${text}".`);
  }
  const [, , from = '', until = ''] = match;
  return { days: days.filter((day) => day !== undefined), from, until: until === '24:00' ? '00:00' : until };
}

/** `mon-fri` is five days, `sat` one, anything else undefined. */
function toDays(text: string): (Weekday | undefined)[] {
  const [first, last = first] = text.split('-').map((name) => weekdays.findIndex((day) => day === name));
  if (first === undefined || last === undefined || first < 0 || last < 0) return [undefined];
  const count = ((last - first + 7) % 7) + 1;
  return Array.from({ length: count }, (_, index) => weekdays[(first + index) % 7]);
}
