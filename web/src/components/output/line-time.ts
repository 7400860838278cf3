const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hour12: false,
});

/** When a line was printed, by the clock: `14:03:07.120`. */
export function clockTime(at: string): string {
  return clock.format(new Date(at));
}

/** How long after another moment: `+3.120 s`, `+4:05.2`, `+1:02:03`. */
export function timeSince(at: string, since: string): string {
  const ms = Math.max(0, Date.parse(at) - Date.parse(since));
  const seconds = ms / 1_000;
  if (seconds < 60) return `+${seconds.toFixed(3)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `+${minutes}:${(seconds % 60).toFixed(1).padStart(4, '0')}`;
  const rest = `${String(minutes % 60).padStart(2, '0')}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
  return `+${Math.floor(minutes / 60)}:${rest}`;
}
