/** `20180102030405`, in UTC (RFC 3659, section 2.3). */
export function formatTime(ms: number): string {
  const time = new Date(ms);
  if (Number.isNaN(time.getTime()) || time.getUTCFullYear() < 0 || time.getUTCFullYear() > 9999)
    return '19700101000000';
  return time.toISOString().replaceAll(/[-T:]|\..*$/g, '');
}

/** Milliseconds since 1970; a fraction of a second may follow. Null for what is no time, such as a month 13. */
export function parseTime(text: string): number | null {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,9})?$/.exec(text);
  if (!parts) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  const time = new Date(0);
  // Years below 100 would be those of 1900 in Date.UTC.
  time.setUTCFullYear(year, month - 1, day);
  time.setUTCHours(hour, minute, second);
  const ms = time.getTime();
  return formatTime(ms) === text.slice(0, 14) ? ms + Math.round(Number(parts[7] ?? 0) * 1000) : null;
}
