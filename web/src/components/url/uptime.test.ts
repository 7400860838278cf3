import { expect, it } from 'vitest';
import type { Schedule } from '../../../../src/contract/schedule.ts';
import { toSlices, uptimeOf, uptimeText, watchedUrls } from './uptime.ts';

const summary = {
  from: '2026-01-01T00:00:00.000Z',
  until: '2026-01-01T04:00:00.000Z',
  latest: null,
  unchangedSince: null,
  isCut: false,
  slices: [
    { number: 0, good: 0, warn: 0, bad: 5, medianMs: null },
    { number: 3, good: 2, warn: 1, bad: 1, medianMs: 12 },
  ],
};

it('has every slice, the empty ones too, and the newest when only some are wanted', () => {
  const all = toSlices(summary, 4);
  expect(all.map(({ good, warn, bad }) => good + warn + bad)).toEqual([5, 0, 0, 4]);
  expect(all[3]?.fromMs).toBe(Date.parse('2026-01-01T03:00:00Z'));
  expect(toSlices(summary, 4, 2)).toEqual(all.slice(2));
});

it('counts what was slow as up, and says nothing where nothing was tested', () => {
  const all = toSlices(summary, 4);
  expect(uptimeOf(all)).toBeCloseTo(3 / 9);
  expect(uptimeOf(all.slice(1, 3))).toBeNull();
});

it('never rounds a failure away', () => {
  expect([1, 0.999_999, 0.5, 0, null].map(uptimeText)).toEqual([
    '100 %',
    '99.99 %',
    '50.00 %',
    '0.00 %',
    '–',
  ]);
});

it('knows the URLs of schedules as the parts name them, each once', () => {
  const schedule = (name: string, kind: string, input: object): Schedule =>
    ({ name, submit: { kind, input } }) as unknown as Schedule;
  const found = watchedUrls([
    schedule('a', 'url', { urls: ['example.com', 'http://example.com/#x'] }),
    schedule('b', 'url', { urls: ['http://example.com/'] }),
    schedule('c', 'url', { urls: ['a.example', '[::1]'], addressFamily: 'both' }),
    schedule('f', 'url', { urls: ['b.example'], addressFamily: '4' }),
    schedule('d', 'script', { script: 'x.sh' }),
    schedule('e', 'url', { sitemap: 'http://example.com/sitemap.xml' }),
  ]);
  expect(found.map(({ key, schedules }) => [key, schedules.map(({ name }) => name)])).toEqual([
    ['http://[::1]/ (IPv6)', ['c']],
    ['http://a.example/ (IPv4)', ['c']],
    ['http://a.example/ (IPv6)', ['c']],
    ['http://b.example/ (IPv4)', ['f']],
    ['http://example.com/', ['a', 'b']],
  ]);
});
