import type { PartSummary } from '../../../../src/contract/part.ts';
import type { Schedule } from '../../../../src/contract/schedule.ts';
import type { UrlInput } from '../../../../src/kinds/url/contract/url-test.ts';
import { familiesOf, normalizeUrl, testKey } from '../../../../src/kinds/url/contract/url-text.ts';

export interface Slice {
  fromMs: number;
  good: number;
  warn: number;
  bad: number;
  medianMs: number | null;
}

/** All slices, those without a test, too. @param last only so many, the newest */
export function toSlices(summary: PartSummary, slices: number, last = slices): Slice[] {
  const fromMs = Date.parse(summary.from);
  const sliceMs = (Date.parse(summary.until) - fromMs) / slices;
  const known = new Map(summary.slices.map((slice) => [slice.number, slice]));
  return Array.from({ length: last }, (_, index) => {
    const number = slices - last + index;
    const { good = 0, warn = 0, bad = 0, medianMs = null } = known.get(number) ?? {};
    return { fromMs: fromMs + number * sliceMs, good, warn, bad, medianMs };
  });
}

/** The part of tests that were answered as expected, if slowly, from 0 to 1; null without tests. */
export function uptimeOf(slices: readonly Slice[]): number | null {
  let up = 0;
  let all = 0;
  for (const { good, warn, bad } of slices) {
    up += good + warn;
    all += good + warn + bad;
  }
  return all === 0 ? null : up / all;
}

/** `100 %` only when it is all; else rounded down, so that a single failure stays to be seen: `99.99 %`. */
export function uptimeText(uptime: number | null): string {
  if (uptime === null) return '–';
  if (uptime === 1) return '100 %';
  return `${(Math.floor(uptime * 10_000) / 100).toFixed(2)} %`;
}

export interface WatchedUrl {
  /** As it stands in the parts. */
  key: string;
  schedules: Schedule[];
}

/** What schedules test, each URL once, by name; those of a sitemap are known to its job alone. */
export function watchedUrls(schedules: readonly Schedule[]): WatchedUrl[] {
  const found = new Map<string, Schedule[]>();
  for (const schedule of schedules)
    for (const key of keysOf(schedule)) found.set(key, [...(found.get(key) ?? []), schedule]);
  return [...found]
    .map(([key, by]) => ({ key, schedules: by }))
    .toSorted((a, b) => a.key.localeCompare(b.key));
}

function keysOf({ submit }: Schedule): string[] {
  if (submit.kind !== 'url') return [];
  const { urls, addressFamily = 'auto' } = submit.input as Partial<Pick<UrlInput, 'urls' | 'addressFamily'>>;
  const keys = (Array.isArray(urls) ? urls : []).flatMap((text) => {
    const read = normalizeUrl(text);
    return 'url' in read
      ? familiesOf(read.url, addressFamily).map((family) => testKey(read.url, family))
      : [];
  });
  return [...new Set(keys)];
}
