import { Cron } from 'croner';
import { momentOfReading, readingOf } from '../../contract/calendar.ts';
import { weekdays, type Blackout, type ScheduleTerms } from '../../contract/schedule.ts';

/**
 * The moments of a cron rule in its time zone. Where clocks are put forward, a rule of one fixed time is due right after
 * the gap, be it on another day; where they are put back, once. Rules with a wildcard or step follow the clock that
 * passes: they skip the gap and come twice (as in Vixie's cron(8), "Daylight Saving Time and other time changes").
 */
export interface Calendar {
  /** The first moment after `after`; null: never again. */
  next(after: Date): Date | null;
  /** The last `count` moments before `before`, the newest first. */
  last(count: number, before: Date): Date[];
  isBlackedOut(at: Date): boolean;
}

/** Minute and hour are numbers, so that it is due at times of the day; else it follows the clock that passes. */
export function isOfFixedTime(cron: string): boolean {
  const fields = cron.trim().split(/\s+/);
  if (fields.length < 5) return !/^@(hourly|minutely|secondly)$/i.test(cron.trim());
  return !/[*/?]/.test(fields.slice(0, fields.length - 3).join(' '));
}

export function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** @throws Error for a rule or zone that `findCronProblem` (cron-problem.ts) and `isTimezone` refuse */
export function createCalendar(
  terms: Pick<ScheduleTerms, 'cron' | 'timezone' | 'startsAt' | 'endsAt' | 'blackouts'>,
): Calendar {
  const rule = isOfFixedTime(terms.cron)
    ? createFixedTimes(terms.cron, terms.timezone)
    : toCron(terms.cron, terms.timezone);
  const start = terms.startsAt === null ? -Infinity : Date.parse(terms.startsAt);
  const end = terms.endsAt === null ? Infinity : Date.parse(terms.endsAt);
  const isWithin = (at: Date): boolean => at.getTime() >= start && at.getTime() < end;
  return {
    next: (after) => {
      const at = rule.nextRun(new Date(Math.max(after.getTime(), start - 1)));
      return at !== null && isWithin(at) ? at : null;
    },
    last: (count, before) =>
      rule.previousRuns(count, new Date(Math.min(before.getTime(), end))).filter(isWithin),
    isBlackedOut: (at) => terms.blackouts.some((blackout) => isPartOf(at, blackout, terms.timezone)),
  };
}

interface Rule {
  nextRun(after: Date): Date | null;
  previousRuns(count: number, before: Date): Date[];
}

/** As far as a clock is ever put back, and no day is shorter by more. */
const longestFold = 24 * 3_600_000;

/**
 * A rule of fixed times, looked up on the calendar and the clock of the wall, whose readings then become moments: one that
 * the clocks leave out is that right after the gap, one that they show twice is the first.
 */
function createFixedTimes(cron: string, timezone: string): Rule {
  const onTheWall = toCron(cron, 'UTC');
  const toMoment = (reading: Date): Date => new Date(momentOfReading(reading, timezone));
  return {
    nextRun: (after) => {
      // In a fold, what comes next on the wall may have been already.
      let reading = onTheWall.nextRun(readingOf(after, timezone));
      while (reading !== null && toMoment(reading) <= after) reading = onTheWall.nextRun(reading);
      return reading && toMoment(reading);
    },
    previousRuns: (count, before) => {
      const found = new Map<number, Date>();
      let reading = new Date(readingOf(before, timezone).getTime() + longestFold);
      while (found.size < count) {
        const [earlier] = onTheWall.previousRuns(1, reading);
        if (!earlier) break;
        const moment = toMoment(earlier);
        // Several in one gap are one.
        if (moment < before) found.set(moment.getTime(), moment);
        reading = earlier;
      }
      return [...found.values()];
    },
  };
}

/** @throws Error, in words of the library, for a rule that it does not understand */
export function toCron(cron: string, timezone: string): Cron {
  const fields = cron.trim().split(/\s+/);
  if (fields.length < 5) return new Cron(cron, { timezone, paused: true });
  const [day = '', , weekday = ''] = fields.slice(-3);
  return new Cron(withoutWideSteps(fields), {
    timezone,
    mode: '5-or-6-parts',
    paused: true,
    // Either is enough, unless one of them begins with a star: crontab(5) goes by the text, whatever the star means.
    domAndDow: /^[*?]/.test(day) || /^[*?]/.test(weekday),
  });
}

/** How far each field goes, and where it begins; weekdays last. */
const bounds = [
  [59, 0],
  [59, 0],
  [23, 0],
  [31, 1],
  [12, 1],
  [7, 0],
] as const;

// A step beyond its field leaves the first value: with `MON`, `*/100,1-7` is the first Monday of a month.
function withoutWideSteps(fields: readonly string[]): string {
  return fields
    .map((field, index) => {
      const [most, first] = bounds[index + bounds.length - fields.length] ?? [Infinity, 0];
      return field.replaceAll(/\*\/(\d+)/g, (all, step) => (Number(step) > most ? String(first) : all));
    })
    .join(' ');
}

function isPartOf(at: Date, blackout: Blackout, timezone: string): boolean {
  if (!('days' in blackout)) {
    return at.getTime() >= Date.parse(blackout.from) && at.getTime() < Date.parse(blackout.until);
  }
  const { day, time } = toWallClock(at, timezone);
  const { days, from, until } = blackout;
  const isOf = (which: number): boolean => days.some((name) => weekdays.indexOf(name) === which);
  if (from < until) return isOf(day) && time >= from && time < until;
  return (isOf(day) && time >= from) || (isOf((day + 6) % 7) && time < until);
}

/** Weekday (0: Monday) and `HH:MM` on a wall of that zone. */
function toWallClock(at: Date, timezone: string): { day: number; time: string } {
  const parts = new Map(
    wallClock(timezone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const day = weekdays.findIndex((name) => name === parts.get('weekday')?.toLowerCase());
  return { day, time: `${parts.get('hour')}:${parts.get('minute')}` };
}

const wallClocks = new Map<string, Intl.DateTimeFormat>();

function wallClock(timezone: string): Intl.DateTimeFormat {
  const known = wallClocks.get(timezone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  wallClocks.set(timezone, made);
  return made;
}
