import { UsageError } from './errors.ts';

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `90`, `90s`, `10m`, `1h30m`, `2d` in milliseconds; a bare number counts seconds. Null when it is none of these. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1_000;
  if (!/^(\d+(\.\d+)?\s*(ms|s|min|m|h|d|w)\s*)+$/.test(trimmed)) return null;
  let total = 0;
  for (const [, amount = '', unit = ''] of trimmed.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)/g)) {
    total += Number(amount) * (unitsMs[unit] ?? 0);
  }
  return total;
}

/** An option's value as milliseconds. */
export function durationOption(name: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === null || ms <= 0) {
    throw new UsageError(`${name} is "${text}"; expected seconds, or a time like 90s, 10m, 1h30m, 2d.`);
  }
  return ms;
}

/**
 * An option's value as a moment: a duration counts from now (`direction` says which way), `today` and `yesterday` are
 * midnights here, anything else is a date or a date with time, local unless it names a zone.
 */
export function momentOption(
  name: string,
  text: string,
  options: { direction: 'ago' | 'ahead'; now?: Date },
): Date {
  const now = options.now ?? new Date();
  const duration = parseDuration(text.replace(/^[+-]/, ''));
  if (duration !== null)
    return new Date(now.getTime() + (options.direction === 'ago' ? -duration : duration));
  const days = ['today', 'yesterday'].indexOf(text);
  if (days >= 0) return new Date(now.getFullYear(), now.getMonth(), now.getDate() - days);
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?)?$/i.exec(
    text,
  );
  const moment = match ? new Date(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? ''}`) : null;
  // A date that does not exist (the 30th of February) must not become the next day.
  const isThatDay = moment && (match?.[3] !== undefined || toDate(moment) === match?.[1]);
  if (moment && isThatDay && !Number.isNaN(moment.getTime())) return moment;
  throw new UsageError(
    `${name} is "${text}"; expected a time like 2h or 3d, today, 2026-03-01 or "2026-03-01 14:30".`,
  );
}

/** `1 min 20 s`: the two largest units. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return pair(seconds, 60, ['min', 's']);
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return pair(minutes, 60, ['h', 'min']);
  return pair(Math.round(minutes / 60), 24, ['d', 'h']);
}

function pair(count: number, base: number, [large, small]: readonly [string, string]): string {
  const rest = count % base;
  return `${Math.floor(count / base)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

/** `2026-03-01 14:30:05`, in the time zone of this process. */
export function formatTime(moment: string | Date): string {
  const date = new Date(moment);
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(':');
  return `${toDate(date)} ${clock}`;
}

/** `5 min ago` within a day, else the date and time. */
export function formatAgo(moment: string | Date, now: Date = new Date()): string {
  const ms = now.getTime() - new Date(moment).getTime();
  if (Math.abs(ms) >= 86_400_000) return formatTime(moment);
  if (Math.abs(ms) < 2_000) return 'now';
  const [amount = ''] =
    /^\d+(\.\d+)? \w+/.exec(formatDuration(Math.round(Math.abs(ms) / 1_000) * 1_000)) ?? [];
  const rounded = amount.replace(/\.\d+/, '');
  return ms >= 0 ? `${rounded} ago` : `in ${rounded}`;
}

function toDate(date: Date): string {
  return [
    String(date.getFullYear()).padStart(4, '0'),
    twoDigits(date.getMonth() + 1),
    twoDigits(date.getDate()),
  ].join('-');
}

function twoDigits(count: number): string {
  return String(count).padStart(2, '0');
}
