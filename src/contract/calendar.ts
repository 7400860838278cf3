/**
 * Days, hours and months of a time zone, as moments. All that asks when a day begins asks here: the tables of PostgreSQL
 * and of Node come from different years, and disagree about zones whose rules changed lately. SQL is given moments.
 */
import type { Bucket } from './stats.ts';

/** What a calendar and a clock on the wall show; months count from 1, and what overflows is carried on. */
export type Reading = readonly [
  year: number,
  month: number,
  day: number,
  hour?: number,
  minute?: number,
  second?: number,
];

const dayMs = 86_400_000;
const hourMs = 3_600_000;

/**
 * The first moment at which the clocks of a zone show this or more, in milliseconds since 1970. Of two equal readings
 * that is the first; in a gap it is the end of the gap, so a day without a midnight begins when its clocks do.
 */
export function momentOf(reading: Reading, timezone: string): number {
  const local = utc(reading);
  const [before, after] = [offsetAt(timezone, local - dayMs), offsetAt(timezone, local + dayMs)];
  const found = [local - before, local - after].filter((ms) => ms + offsetAt(timezone, ms) === local);
  if (found.length > 0) return Math.min(...found);
  return firstAfterChange({ from: local - after, until: local - before, timezone });
}

/** What calendar and clock of a zone show at a moment, as the moment at which those of UTC show the same. */
export function readingOf(at: Date, timezone: string): Date {
  return new Date(utc(readingAt(timezone, at.getTime())));
}

/** The other direction, as `momentOf` finds it. */
export function momentOfReading(reading: Date, timezone: string): number {
  return momentOf(
    [
      reading.getUTCFullYear(),
      reading.getUTCMonth() + 1,
      reading.getUTCDate(),
      reading.getUTCHours(),
      reading.getUTCMinutes(),
      reading.getUTCSeconds(),
    ],
    timezone,
  );
}

/** The calendar of a zone at a moment. */
export function dateIn(timezone: string, ms: number): readonly [year: number, month: number, day: number] {
  const [year, month, day] = readingAt(timezone, ms);
  return [year, month, day];
}

/** `2026-03-01`, as ISO 8601 writes the date of a zone at a moment. */
export function isoDateIn(timezone: string, ms: number): string {
  const [year, month, day] = dateIn(timezone, ms).map(String);
  return `${year?.padStart(4, '0')}-${month?.padStart(2, '0')}-${day?.padStart(2, '0')}`;
}

/**
 * Where hours, days, weeks (from Monday) or months meet: from the one that `from` lies in to the end of the one before
 * `until`. Days of 23 and 25 hours are right; an hour that is there twice is two, a day that is not there is none.
 */
export function bucketEdges({
  from,
  until,
  bucket,
  timezone,
}: {
  from: Date;
  until: Date;
  bucket: Bucket;
  timezone: string;
}): Date[] {
  const edgeAt = bucket === 'hour' ? hours(from, timezone) : calendarSteps(from, { bucket, timezone });
  const edges: number[] = [];
  for (let step = 0; edges.length === 0 || (edges.at(-1) ?? 0) < until.getTime(); step += 1) {
    const edge = edgeAt(step);
    if (edge !== edges.at(-1)) edges.push(edge);
  }
  return edges.map((ms) => new Date(ms));
}

function hours(from: Date, timezone: string): (step: number) => number {
  const offset = offsetAt(timezone, from.getTime());
  const first = Math.floor((from.getTime() + offset) / hourMs) * hourMs - offset;
  return (step) => first + step * hourMs;
}

function calendarSteps(
  from: Date,
  { bucket, timezone }: { bucket: Exclude<Bucket, 'hour'>; timezone: string },
): (step: number) => number {
  const [year, month, day] = dateIn(timezone, from.getTime());
  if (bucket === 'month') return (step) => momentOf([year, month + step, 1], timezone);
  if (bucket === 'day') return (step) => momentOf([year, month, day + step], timezone);
  const sinceMonday = (new Date(utc([year, month, day])).getUTCDay() + 6) % 7;
  return (step) => momentOf([year, month, day - sinceMonday + 7 * step], timezone);
}

/** `Date.UTC` takes the years 0 to 99 for those after 1900. */
export function utc([year, month, day, hour = 0, minute = 0, second = 0]: Reading): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  return date.getTime();
}

/** Between two moments with another offset each: the first with the later one. To the second, as zones change. */
function firstAfterChange({
  from,
  until,
  timezone,
}: {
  from: number;
  until: number;
  timezone: string;
}): number {
  const offset = offsetAt(timezone, from);
  let [before, after] = [Math.floor(from / 1_000), Math.ceil(until / 1_000)];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offsetAt(timezone, middle * 1_000) === offset) before = middle;
    else after = middle;
  }
  return after * 1_000;
}

function offsetAt(timezone: string, ms: number): number {
  return utc(readingAt(timezone, ms)) - Math.floor(ms / 1_000) * 1_000;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function readingAt(timezone: string, ms: number): [number, number, number, number, number, number] {
  let format = formats.get(timezone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      calendar: 'iso8601',
      era: 'short',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timezone, format);
  }
  const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, value]));
  const number = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type) ?? 0);
  const isBefore = (parts.get('era') ?? 'AD').startsWith('B');
  const year = isBefore ? 1 - number('year') : number('year');
  return [year, number('month'), number('day'), number('hour'), number('minute'), number('second')];
}
