import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideMoments } from './decide.ts';
import { createCalendar } from './occurrences.ts';
import type { StoredSchedule } from './ports.ts';
import { take } from './preview.ts';

const now = new Date('2026-11-20T12:00:30Z');
const before = (ms: number): Date => new Date(now.getTime() - ms);
const hour = 3_600_000;
const graceMs = 60_000;

function schedule(change: Partial<StoredSchedule> = {}): StoredSchedule {
  return {
    id: 1,
    name: 'every-ten',
    note: '',
    cron: '*/10 * * * *',
    timezone: 'UTC',
    overlap: 'skip',
    missed: 'once',
    missedLimit: 3,
    startsAt: null,
    endsAt: null,
    blackouts: [],
    jitterSeconds: 0,
    paused: false,
    submit: {},
    owner: 'ana',
    ownerId: 1,
    ownerIsGone: false,
    cursor: before(30_500),
    nextAt: null,
    createdAt: now.toISOString(),
    changedAt: now.toISOString(),
    changedBy: 'ana',
    ...change,
  };
}

/** `12:00 pending`, or `11:10…11:50 ×5 missed`. */
function decided(change: Partial<StoredSchedule>, at = now): string[] {
  return decideMoments(schedule(change), { now: at, graceMs }).decisions.map(
    ({ dueAt, lastDueAt, moments, outcome }) => {
      const time = (moment: Date): string => moment.toISOString().slice(11, 16);
      return `${time(dueAt)}${lastDueAt ? `…${time(lastDueAt)} ×${moments}` : ''} ${outcome}`;
    },
  );
}

describe('a moment', () => {
  it('that has just come is kept, and the cursor moves over it', () => {
    expect(decided({})).toEqual(['12:00 pending']);
    const { cursor, nextAt } = decideMoments(schedule(), { now, graceMs });
    expect([cursor, nextAt?.toISOString()]).toEqual([now, '2026-11-20T12:10:00.000Z']);
  });

  it('within the grace is kept however the schedule treats missed ones', () => {
    for (const missed of ['skip', 'once', 'all'] as const)
      expect(decided({ missed, cursor: before(40_000) })).toEqual(['12:00 pending']);
  });

  it('that is later is missed: skipped where that is asked for, else made up for', () => {
    const late = { now, graceMs: 10_000 };
    const outcomes = (['skip', 'once', 'all'] as const).map((missed) =>
      decideMoments(schedule({ missed, cursor: before(40_000) }), late).decisions.map(
        ({ outcome }) => outcome,
      ),
    );
    expect(outcomes).toEqual([['missed'], ['pending'], ['pending']]);
  });

  it('in a blackout is passed over and recorded', () => {
    const blackouts = [{ from: '2026-11-20T11:55:00Z', until: '2026-11-20T12:00:01Z' }];
    expect(decided({ blackouts })).toEqual(['12:00 blackout']);
  });
});

describe('after an hour in which nobody looked', () => {
  const cursor = before(hour);
  const later = new Date(now.getTime() + 5 * 60_000);

  it('missed moments are passed over together', () => {
    expect(decided({ cursor, missed: 'skip' }, later)).toEqual(['11:10…12:00 ×6 missed']);
  });

  it('one run makes up for all, unless one is due anyway', () => {
    expect(decided({ cursor, missed: 'once' }, later)).toEqual(['11:10…11:50 ×5 missed', '12:00 pending']);
    expect(decided({ cursor, missed: 'once' })).toEqual(['11:10…11:50 ×5 missed', '12:00 pending']);
  });

  it('all are made up for, up to the limit', () => {
    expect(decided({ cursor, missed: 'all' }, later)).toEqual([
      '11:10…11:30 ×3 missed',
      '11:40 pending',
      '11:50 pending',
      '12:00 pending',
    ]);
  });

  it('nothing is made up for inside a blackout', () => {
    const blackouts = [{ from: '2026-11-20T12:04:00Z', until: '2026-11-20T13:00:00Z' }];
    expect(decided({ cursor, blackouts }, later).at(-1)).toBe('12:00 blackout');
  });
});

it('a year of seconds is decided at once, with the newest made up for', () => {
  const change = { cron: '* * * * * *', missed: 'all' as const, cursor: before(365 * 24 * hour) };
  const { decisions } = decideMoments(schedule(change), { now, graceMs });
  expect(decisions[0]).toMatchObject({ outcome: 'missed', moments: 1_000 });
  expect(decisions.filter(({ outcome }) => outcome === 'pending')).toHaveLength(3 + 61);
});

it('each moment is in exactly one decision, wherever looks fall', () => {
  const cron = fc.constantFrom('* * * * *', '*/7 * * * *', '30 */2 * * *', '15 10 * * *');
  const gaps = fc.array(fc.integer({ min: 1_000, max: 4 * hour }), { minLength: 1, maxLength: 8 });
  const missed = fc.constantFrom('skip' as const, 'once' as const, 'all' as const);
  fc.assert(
    fc.property(cron, gaps, missed, (rule, gapsMs, policy) => {
      let current = schedule({ cron: rule, missed: policy, cursor: new Date('2026-03-28T20:00:00Z') });
      const start = current.cursor;
      let seen = 0;
      for (const gapMs of gapsMs) {
        const { decisions, cursor } = decideMoments(current, {
          now: new Date(current.cursor.getTime() + gapMs),
          graceMs,
        });
        seen += decisions.reduce((sum, { moments }) => sum + moments, 0);
        current = { ...current, cursor };
      }
      const due = take(createCalendar(current), { after: start, until: current.cursor, most: 10_000 });
      expect(seen).toBe(due.length);
    }),
  );
});
