import { Cron } from 'croner';
import { weekdays, type Blackout, type ScheduleTerms } from '../../contract/schedule.ts';

/**
 * The moments of a cron rule in its time zone. Where clocks are put forward, a rule of one fixed time is due right after
 * the gap; where they are put back, once. Rules with a wildcard or step follow the clock that passes: they skip the gap
 * and come twice (as in Vixie's cron(8), "Daylight Saving Time and other time changes").
 */
export interface Calendar {
  /** The first moment after `after`; null: never again. */
  next(after: Date): Date | null;
  /** The last `count` moments before `before`, the newest first. */
  last(count: number, before: Date): Date[];
  isBlackedOut(at: Date): boolean;
}

/** What is wrong with a rule, in words; null: nothing. */
export function findCronProblem(cron: string): string | null {
  const fields = cron.trim().split(/\s+/).length;
  if (!/^@[a-z]+$/i.test(cron.trim()) && fields !== 5 && fields !== 6)
    return 'expected five or six fields, or `@daily` and its like';
  try {
    return toCron(cron, 'UTC').nextRun(new Date(0)) === null ? 'is never due: there is no such day' : null;
  } catch (error) {
    return (error as Error).message.replace(/^CronPattern: /, '').replace(/\.$/, '');
  }
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

/** @throws Error for a rule or zone that `findCronProblem` and `isTimezone` refuse */
export function createCalendar(
  terms: Pick<ScheduleTerms, 'cron' | 'timezone' | 'startsAt' | 'endsAt' | 'blackouts'>,
): Calendar {
  const rule = toCron(terms.cron, terms.timezone);
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

function toCron(cron: string, timezone: string): Cron {
  return new Cron(cron, { timezone, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard', paused: true });
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
