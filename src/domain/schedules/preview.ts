import type { Occurrence, SchedulePreview, ScheduleTerms } from '../../contract/schedule.ts';
import { createCalendar, type Calendar } from './occurrences.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const lookAheadDays = 400;
const mostNearChange = 50;

/** The next moments, and those around the next change of the clocks in either direction. */
export function previewSchedule(
  terms: ScheduleTerms,
  { now, count }: { now: Date; count: number },
): SchedulePreview {
  const calendar = createCalendar(terms);
  const toOccurrence = (at: Date): Occurrence => ({
    at: at.toISOString(),
    local: toLocal(at, terms.timezone),
    isBlackedOut: calendar.isBlackedOut(at),
  });
  return {
    timezone: terms.timezone,
    next: take(calendar, { after: now, until: null, most: count }).map(toOccurrence),
    clockChanges: findClockChanges(terms.timezone, now).map(({ at, minutes }) => ({
      at: at.toISOString(),
      minutes,
      runs: take(calendar, {
        after: new Date(at.getTime() - 3 * hourMs - 1),
        until: new Date(at.getTime() + 3 * hourMs),
        most: mostNearChange,
      }).map(toOccurrence),
    })),
  };
}

/** Moments after `after`, not later than `until`. */
export function take(
  calendar: Calendar,
  { after, until, most }: { after: Date; until: Date | null; most: number },
): Date[] {
  const found: Date[] = [];
  for (let at = calendar.next(after); at !== null && found.length < most; at = calendar.next(at)) {
    if (until !== null && at > until) break;
    found.push(at);
  }
  return found;
}

function findClockChanges(timezone: string, now: Date): { at: Date; minutes: number }[] {
  const found: { at: Date; minutes: number }[] = [];
  for (let day = 0; day < lookAheadDays && found.length < 2; day += 1) {
    const from = now.getTime() + day * dayMs;
    const minutes = offsetMinutes(from + dayMs, timezone) - offsetMinutes(from, timezone);
    if (minutes === 0 || found.some((other) => Math.sign(other.minutes) === Math.sign(minutes))) continue;
    found.push({ at: findChange(from, from + dayMs, timezone), minutes });
  }
  return found;
}

/** The first second of the later offset, between two moments of which it is the only change. */
function findChange(from: number, until: number, timezone: string): Date {
  const before = offsetMinutes(from, timezone);
  let low = Math.floor(from / 1000);
  let high = Math.ceil(until / 1000);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMinutes(middle * 1000, timezone) === before) low = middle;
    else high = middle;
  }
  return new Date(high * 1000);
}

function offsetMinutes(atMs: number, timezone: string): number {
  const [, sign, hours = '0', minutes = '0'] =
    /GMT(?:([+-])(\d\d):(\d\d))?/.exec(toLocal(new Date(atMs), timezone)) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/** `Sun 2026-10-25 02:30:00 GMT+02:00` */
function toLocal(at: Date, timezone: string): string {
  const parts = new Map(
    new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
      timeZoneName: 'longOffset',
    })
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const get = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  const date = `${get('year')}-${get('month')}-${get('day')}`;
  return `${get('weekday')} ${date} ${get('hour')}:${get('minute')}:${get('second')} ${get('timeZoneName')}`;
}
