import { mostMoments } from '../../contract/moments-text.ts';
import type { Decision, StoredSchedule } from './ports.ts';
import { createCalendar, isOfFixedTime, type Calendar } from './occurrences.ts';
import { take } from './preview.ts';

export interface Decided {
  decisions: Decision[];
  cursor: Date;
  nextAt: Date | null;
}

/**
 * What becomes of every moment between the cursor and now. Moments within the grace are kept; of older ones the newest
 * are made up for, as the schedule says, and the others recorded together as missed.
 * @param graceMs how late a moment may be looked at and is kept all the same
 */
export function decideMoments(
  schedule: StoredSchedule,
  { now, graceMs }: { now: Date; graceMs: number },
): Decided {
  const calendar = createCalendar(schedule);
  const lateBefore = new Date(Math.max(now.getTime() - graceMs, schedule.cursor.getTime() + 1));
  const kept = take(calendar, { after: new Date(lateBefore.getTime() - 1), until: now, most: mostMoments });
  const madeUp = calendar.last(madeUpCount(schedule, kept), lateBefore).filter((at) => at > schedule.cursor);
  const passed = findPassed(calendar, { after: schedule.cursor, before: madeUp.at(-1) ?? lateBefore });
  return {
    decisions: [
      ...(passed ? [passed] : []),
      ...madeUp
        .reverse()
        .map((at) => toDecision(at, calendar.isBlackedOut(at) || calendar.isBlackedOut(now))),
      ...kept.map((at) => toDecision(at, calendar.isBlackedOut(at))),
    ],
    cursor: now,
    nextAt: calendar.next(now),
  };
}

/** Differences this small are between machines, or a second that was put in. */
const toleratedMs = 60_000;

/** From this on a change of the clock is a correction, not a change of summer time (cron(8) of Debian). */
const correctionMs = 3 * 3_600_000;

/**
 * The cursor stands ahead: the clock was, when it was moved there. Where to go on; null: nothing is wrong. As in cron(8):
 * a rule of a fixed time waits until a clock that was put back a little has passed what is decided, one with a wildcard
 * or step follows the new time at once; after a correction every rule does.
 */
export function correctCursor(
  schedule: StoredSchedule,
  now: Date,
): Pick<Decided, 'cursor' | 'nextAt'> | null {
  const aheadMs = schedule.cursor.getTime() - now.getTime();
  if (aheadMs <= toleratedMs || (aheadMs <= correctionMs && isOfFixedTime(schedule.cron))) return null;
  return { cursor: now, nextAt: createCalendar(schedule).next(now) };
}

/** One run makes up for all that were missed; one that is due anyway does so as well. */
function madeUpCount({ missed, missedLimit }: StoredSchedule, kept: readonly Date[]): number {
  if (missed === 'skip') return 0;
  if (missed === 'all') return missedLimit;
  return kept.length > 0 ? 0 : 1;
}

function findPassed(calendar: Calendar, { after, before }: { after: Date; before: Date }): Decision | null {
  const passed = take(calendar, { after, until: new Date(before.getTime() - 1), most: mostMoments });
  const [first] = passed;
  if (!first) return null;
  const last = calendar.last(1, before)[0] ?? first;
  return {
    dueAt: first,
    lastDueAt: passed.length === 1 ? null : last,
    moments: passed.length,
    outcome: 'missed',
  };
}

function toDecision(dueAt: Date, isBlackedOut: boolean): Decision {
  return { dueAt, lastDueAt: null, moments: 1, outcome: isBlackedOut ? 'blackout' : 'pending' };
}
