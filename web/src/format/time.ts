const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** How long ago, or how soon, in one unit: `12 s ago`, `in 5 min`, `3 d ago`; `now` within two seconds. */
export function relativeTime(moment: string | number | Date, nowMs: number): string {
  const distance = nowMs - new Date(moment).getTime();
  const size = Math.abs(distance);
  if (size < 2 * second) return 'now';
  const text = inOneUnit(size);
  return distance >= 0 ? `${text} ago` : `in ${text}`;
}

function inOneUnit(ms: number): string {
  if (ms < minute) return `${Math.floor(ms / second)} s`;
  if (ms < hour) return `${Math.floor(ms / minute)} min`;
  if (ms < day) return `${Math.floor(ms / hour)} h`;
  if (ms < 60 * day) return `${Math.floor(ms / day)} d`;
  if (ms < 730 * day) return `${Math.floor(ms / (30.44 * day))} months`;
  return `${Math.floor(ms / (365.25 * day))} years`;
}

/** A span as people read it, two units at most: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`, `4 d 3 h`. */
export function duration(ms: number): string {
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms < 100) return `${Math.round(ms)} ms`;
  if (ms < 10 * second) return `${(ms / second).toFixed(1)} s`;
  if (ms < minute) return `${Math.floor(ms / second)} s`;
  if (ms < hour) return pair(ms, minute, 'min', second, 's');
  if (ms < day) return pair(ms, hour, 'h', minute, 'min');
  return pair(ms, day, 'd', hour, 'h');
}

function pair(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % large) / small);
  const first = `${Math.floor(ms / large)} ${largeName}`;
  return rest === 0 ? first : `${first} ${String(rest).padStart(small === hour ? 1 : 2, '0')} ${smallName}`;
}

/** As in the command line, the API and logs, so that texts can be held against each other. */
const hourCycle = 'h23';
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long', hourCycle });
const minutes = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle });
const seconds = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle,
});
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const wholeDay = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** Everything about a moment, for a tooltip. */
export function fullTime(moment: string): string {
  return full.format(new Date(moment));
}

/**
 * As short as it stays clear: the clock today, day and clock this year, else the date.
 * @param options.bySecond what happened within minutes is told apart, years later, too
 */
export function shortTime(moment: string, nowMs: number, { bySecond = false } = {}): string {
  const date = new Date(moment);
  const clock = bySecond ? seconds : minutes;
  const now = new Date(nowMs);
  if (date.toDateString() === now.toDateString()) return clock.format(date);
  if (date.getFullYear() === now.getFullYear()) return `${dayOfYear.format(date)}, ${clock.format(date)}`;
  return bySecond ? `${wholeDay.format(date)}, ${clock.format(date)}` : wholeDay.format(date);
}
