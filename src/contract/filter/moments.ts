import { dateIn, momentOf, utc } from '../calendar.ts';
import type { Range } from './filter.ts';

/** When a filter is read: relative moments and days depend on it. */
export interface MomentContext {
  now: Date;
  /** IANA name; says when a day begins. */
  timezone: string;
}

/** A span of time, the end excluded; null where it is open. Milliseconds since 1970. */
export interface Span {
  fromMs: number | null;
  untilMs: number | null;
}

const relative = /^-(\d{1,6})(min|h|d|w)$/;
const absolute =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:t(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(z|[+-]\d\d:\d\d)?)?)?)?$/;

const unitsMs: Record<string, number> = { min: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** The moment in its canonical writing, or null when it is none. */
export function parseMoment(text: string): string | null {
  const lower = text.toLowerCase();
  if (lower === 'today' || lower === 'yesterday' || lower === 'now') return lower;
  const short = lower.replace(/^(-\d{1,6})m$/, '$1min');
  if (relative.test(short)) return short;
  const parts = absolute.exec(lower);
  if (!parts) return null;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(toNumber);
  const isCalendarDay = month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
  return isCalendarDay && year >= 1 && hour <= 23 && minute <= 59 && second <= 59
    ? lower.toUpperCase()
    : null;
}

/** What a range of moments spans: `a..b` from the beginning of a to the end of b. */
export function resolveMoments({ from, to }: Range<string>, context: MomentContext): Span {
  const first = from && spanOf(from.at, context);
  const last = to && spanOf(to.at, context);
  return {
    fromMs: first && (from.isIncluded ? first.startMs : first.endMs),
    untilMs: last && (to.isIncluded ? last.endMs : last.startMs),
  };
}

function spanOf(moment: string, { now, timezone }: MomentContext): { startMs: number; endMs: number } {
  const ago = relative.exec(moment);
  if (ago) {
    const atMs = now.getTime() - Number(ago[1]) * (unitsMs[ago[2] ?? ''] ?? 0);
    return { startMs: atMs, endMs: atMs };
  }
  if (moment === 'now') return { startMs: now.getTime(), endMs: now.getTime() };
  if (moment === 'today' || moment === 'yesterday') {
    const [year, month, day] = dateIn(timezone, now.getTime());
    const start = day - (moment === 'today' ? 0 : 1);
    return {
      startMs: momentOf([year, month, start], timezone),
      endMs: momentOf([year, month, start + 1], timezone),
    };
  }
  return absoluteSpan(moment, timezone);
}

function absoluteSpan(moment: string, timezone: string): { startMs: number; endMs: number } {
  const parts = absolute.exec(moment.toLowerCase())?.slice(1) ?? [];
  const [year = 0, month, day, hour, minute = 0, second, fraction] = parts
    .slice(0, 7)
    .map((part) => (part === undefined ? undefined : Number(part)));
  const zone = parts[7];
  if (month === undefined)
    return { startMs: momentOf([year, 1, 1], timezone), endMs: momentOf([year + 1, 1, 1], timezone) };
  if (day === undefined) {
    return { startMs: momentOf([year, month, 1], timezone), endMs: momentOf([year, month + 1, 1], timezone) };
  }
  if (hour === undefined) {
    return {
      startMs: momentOf([year, month, day], timezone),
      endMs: momentOf([year, month, day + 1], timezone),
    };
  }
  const millis = fraction === undefined ? 0 : Number((parts[6] ?? '').padEnd(3, '0'));
  const reading = [year, month, day, hour, minute, second ?? 0] as const;
  const startMs = millis + (zone === undefined ? momentOf(reading, timezone) : utc(reading) - offsetOf(zone));
  const lengthMs = fraction !== undefined ? 1 : second !== undefined ? 1_000 : 60_000;
  return { startMs, endMs: startMs + lengthMs };
}

function toNumber(part: string | undefined): number | undefined {
  return part === undefined ? undefined : Number(part);
}

function daysOf(year: number, month: number): number {
  return new Date(utc([year, month + 1, 0])).getUTCDate();
}

function offsetOf(zone: string): number {
  if (zone === 'z') return 0;
  const [hours = 0, minutes = 0] = zone.slice(1).split(':').map(Number);
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
