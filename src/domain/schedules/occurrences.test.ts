import { describe, expect, it } from 'vitest';
import type { ScheduleTerms } from '../../contract/schedule.ts';
import { createCalendar, findCronProblem, isTimezone } from './occurrences.ts';
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
  it.each([
    ['5 4 * * *', null],
    ['*/10 30 4 * * mon-fri', null],
    ['@daily', null],
    ['0 0 29 2 *', null],
    ['0 0 30 2 *', 'is never due: there is no such day'],
    ['61 * * * *', 'Invalid value for minute: 61'],
    ['* * *', 'expected five or six fields, or `@daily` and its like'],
    ['0 0 1 1 * * 2030', 'expected five or six fields, or `@daily` and its like'],
    ['2026-12-01T00:00:00', 'expected five or six fields, or `@daily` and its like'],
    ['@reboot', expect.stringContaining('@reboot')],
    ['', expect.any(String)],
  ])('%s: %s', (cron, problem) => {
    expect(findCronProblem(cron)).toEqual(problem);
  });

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
