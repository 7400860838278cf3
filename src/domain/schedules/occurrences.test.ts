import { describe, expect, it } from 'vitest';
import type { ScheduleTerms } from '../../contract/schedule.ts';
import { createCalendar, isTimezone } from './occurrences.ts';
import { previewSchedule, take } from './preview.ts';

const plain: ScheduleTerms = {
  cron: '* * * * *',
  timezone: 'Europe/Berlin',
  overlap: 'skip',
  missed: 'once',
  missedLimit: 10,
  startsAt: null,
  endsAt: null,
  blackouts: [],
  jitterSeconds: 0,
};

function moments(change: Partial<ScheduleTerms>, after: string, most = 4): string[] {
  const calendar = createCalendar({ ...plain, ...change });
  return take(calendar, { after: new Date(after), until: null, most }).map((at) =>
    at.toISOString().slice(0, 19),
  );
}

describe('a rule', () => {
  it('of five and of six fields is due in its zone', () => {
    expect(moments({ cron: '0 9 * * *' }, '2026-01-10T12:00:00Z', 2)).toEqual([
      '2026-01-11T08:00:00',
      '2026-01-12T08:00:00',
    ]);
    expect(moments({ cron: '*/20 * * * * *', timezone: 'UTC' }, '2026-01-10T12:00:05Z', 2)).toEqual([
      '2026-01-10T12:00:20',
      '2026-01-10T12:00:40',
    ]);
  });

  it('of one fixed time is due once in the night of 23 hours and once in that of 25', () => {
    expect(moments({ cron: '30 2 * * *' }, '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00',
      '2026-03-30T00:30:00',
    ]);
    expect(moments({ cron: '30 2 * * *' }, '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00',
      '2026-10-26T01:30:00',
    ]);
  });

  it.each([
    // Clocks that go forward at the end of a day: what they leave out is due on the next one.
    ['America/Nuuk', '30 23 * * *', '2027-03-28T00:00:00Z', ['2027-03-28T01:00:00', '2027-03-29T00:30:00']],
    ['America/Nuuk', '30 23 28 3 *', '2028-01-01T00:00:00Z', ['2028-03-29T00:30:00', '2029-03-29T00:30:00']],
    ['America/Nuuk', '30 23 * * 6', '2027-03-25T00:00:00Z', ['2027-03-28T01:00:00', '2027-04-04T00:30:00']],
    // A day that was left out.
    ['Pacific/Apia', '30 5 30 12 *', '2011-12-01T00:00:00Z', ['2011-12-30T10:00:00', '2012-12-29T15:30:00']],
  ])('of %s, %s, has none left out', (timezone, cron, after, expected) => {
    expect(moments({ timezone, cron }, after, 2)).toEqual(expected);
    const last = createCalendar({ ...plain, timezone, cron }).last(2, new Date(`${expected[1]}.001Z`));
    expect(last.map((at) => at.toISOString().slice(0, 19))).toEqual(expected.toReversed());
  });

  it('two of whose times lie in one gap is due once right after it', () => {
    expect(moments({ cron: '10,40 2 * * *' }, '2026-03-29T00:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00',
      '2026-03-30T00:10:00',
    ]);
  });

  it('is told backwards as it is forwards, through the night of 25 hours', () => {
    const calendar = createCalendar({ ...plain, cron: '10,40 1,2,3 * * *' });
    const forwards = take(calendar, {
      after: new Date('2026-10-24T12:00:00Z'),
      until: new Date('2026-10-25T12:00:00Z'),
      most: 50,
    });
    for (const [index, at] of forwards.entries())
      expect(calendar.last(50, at).slice(0, index)).toEqual(forwards.slice(0, index).reverse());
  });

  it.each([
    ['both restricted: either', '0 0 2 * 1', ['2026-06-01', '2026-06-02', '2026-06-08']],
    ['a step of all days: both', '0 0 */2 * 1', ['2026-06-01', '2026-06-15', '2026-06-29']],
    ['a list that begins with a star: both', '0 0 *,10 * 1', ['2026-06-01', '2026-06-08', '2026-06-15']],
    ['the first Monday', '0 0 */100,1-7 * MON', ['2026-06-01', '2026-07-06', '2026-08-03']],
  ])('of day and weekday, as crontab(5) has it: %s', (_what, cron, days) => {
    expect(
      moments({ cron, timezone: 'UTC' }, '2026-05-31T12:00:00Z', 3).map((at) => at.slice(0, 10)),
    ).toEqual(days);
  });

  it('with a step follows the clock that passes, an hour skipped and an hour twice', () => {
    expect(moments({ cron: '*/30 * * * *' }, '2026-03-29T00:00:00Z', 3)).toEqual([
      '2026-03-29T00:30:00',
      '2026-03-29T01:00:00',
      '2026-03-29T01:30:00',
    ]);
    const night = moments({ cron: '*/30 2 * * *' }, '2026-10-24T12:00:00Z', 5);
    expect(night.filter((at) => at.startsWith('2026-10-25'))).toHaveLength(4);
  });

  it('begins and ends where the schedule says', () => {
    const between = { startsAt: '2026-05-01T00:00:00Z', endsAt: '2026-05-01T00:02:00Z', timezone: 'UTC' };
    expect(moments(between, '2026-01-01T00:00:00Z')).toEqual(['2026-05-01T00:00:00', '2026-05-01T00:01:00']);
    expect(createCalendar({ ...plain, ...between }).last(5, new Date('2027-01-01'))).toHaveLength(2);
  });
});

it('zones are those of IANA', () => {
  expect(['UTC', 'Europe/Madrid', 'Europe/Nowhere', ''].map(isTimezone)).toEqual([true, true, false, false]);
});

describe('a blackout', () => {
  const weekly = { days: ['fri' as const], from: '22:00', until: '06:00' };
  const isOut = (at: string): boolean =>
    createCalendar({ ...plain, blackouts: [weekly] }).isBlackedOut(new Date(at));

  it('goes over midnight into the next day, in the zone of the schedule', () => {
    // 2026-11-20 is a Friday; Berlin is an hour ahead of UTC.
    expect(
      ['20T20:59', '20T21:00', '21T04:59', '21T05:00', '20T03:00'].map((at) => isOut(`2026-11-${at}:00Z`)),
    ).toEqual([false, true, true, false, false]);
  });

  it('of dates is from its first moment to before its last', () => {
    const calendar = createCalendar({
      ...plain,
      blackouts: [{ from: '2026-12-24T00:00:00Z', until: '2026-12-27T00:00:00Z' }],
    });
    expect(
      ['23T23:59', '24T00:00', '26T23:59', '27T00:00'].map((at) =>
        calendar.isBlackedOut(new Date(`2026-12-${at}:00Z`)),
      ),
    ).toEqual([false, true, true, false]);
  });
});

describe('the preview', () => {
  it('shows both nights in which clocks change, with what is due around', () => {
    const { next, clockChanges } = previewSchedule(
      { ...plain, cron: '30 2 * * *' },
      { now: new Date('2026-01-01T00:00:00Z'), count: 2 },
    );
    expect(next[0]).toEqual({
      at: '2026-01-01T01:30:00.000Z',
      local: 'Thu 2026-01-01 02:30:00 GMT+01:00',
      isBlackedOut: false,
    });
    expect(clockChanges).toEqual([
      {
        at: '2026-03-29T01:00:00.000Z',
        minutes: 60,
        runs: [expect.objectContaining({ local: 'Sun 2026-03-29 03:00:00 GMT+02:00' })],
      },
      {
        at: '2026-10-25T01:00:00.000Z',
        minutes: -60,
        runs: [expect.objectContaining({ local: 'Sun 2026-10-25 02:30:00 GMT+02:00' })],
      },
    ]);
  });

  it('of a zone without such nights shows none', () => {
    expect(
      previewSchedule({ ...plain, timezone: 'UTC' }, { now: new Date(), count: 1 }).clockChanges,
    ).toEqual([]);
  });
});
