import { ownerOf, type Actor } from '../../contract/actor.ts';
import { AppError, type ErrorDetail, invalidFields } from '../../contract/errors.ts';
import type { Schedule, ScheduleTerms } from '../../contract/schedule.ts';
import type { Jobs } from '../jobs/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import { findCronProblem } from './cron-problem.ts';
import { createCalendar, isTimezone } from './occurrences.ts';
import type { NewScheduleRow, ScheduleRequest, Schedules, ScheduleStore, StoredSchedule } from './ports.ts';
import { toSubmit, type Runner } from './runner.ts';

export interface SchedulesOptions {
  store: ScheduleStore;
  jobs: Pick<Jobs, 'check'>;
  runner: Runner;
  clock: Clock;
}

/** Further than this the next moment outside a blackout is not looked for. */
const mostLookedAt = 1_000;

export function createSchedules({ store, jobs, runner, clock }: SchedulesOptions): Schedules {
  const find = async (name: string): Promise<StoredSchedule> => {
    const found = await store.find(name);
    if (!found) throw new AppError('not_found', `There is no schedule "${name}".`);
    return found;
  };
  const get = async (name: string): Promise<Schedule> => {
    const { id, cursor: _, ...schedule } = await find(name);
    return withNextRun({ ...schedule, lastRun: await store.lastRun(id) });
  };
  const requireSubmit = async (
    schedule: Pick<StoredSchedule, 'name' | 'overlap' | 'submit' | 'jitterSeconds'>,
    actor: Actor,
  ): Promise<void> => {
    const run = { runId: 0, dueAt: new Date(0), isAsked: true };
    await inField('submit', () => jobs.check(toSubmit({ ...run, schedule: { ...schedule, id: 0 } }, actor)));
  };

  const check = async (request: ScheduleRequest, actor: Actor): Promise<void> => {
    requireTerms(request);
    await requireSubmit(request, actor);
  };

  return {
    list: async () => (await store.list()).map(withNextRun),
    get,

    check,

    add: async (request, actor) => {
      await check(request, actor);
      const row = { ...request, ...ownerOf(actor), ...dueFrom(request, clock.now()) };
      if (!(await store.add(row))) throw nameTaken(request.name);
      return get(request.name);
    },

    change: async (name, { takeOver = false, ...change }, actor) => {
      const before = await find(name);
      const after = { ...before, ...change };
      requireTerms(after);
      const becomesTheirs = takeOver || change.submit !== undefined;
      if (becomesTheirs || change.overlap) await requireSubmit(after, actor);
      const outcome = await store.change(
        before.id,
        {
          ...change,
          ...(becomesTheirs ? ownerOf(actor) : {}),
          ...(isSameRule(before, after) ? {} : dueFrom(after, clock.now())),
        },
        actor.name,
      );
      if (outcome === 'name_taken') throw nameTaken(after.name);
      return get(after.name);
    },

    remove: async (name) => {
      const { id } = await find(name);
      await store.remove(id);
    },

    runNow: async (name, actor) => {
      const { id } = await find(name);
      await runner.carryOut(await store.ask(id, clock.now(), actor.name));
      const [run] = await store.runs(id, { before: null, limit: 1 });
      if (!run) throw new AppError('not_found', `Schedule "${name}" was removed meanwhile.`);
      return run;
    },

    runs: async (name, page) => store.runs((await find(name)).id, page),
  };
}

/** @throws AppError `invalid_input` that names each field that is wrong */
export function requireTerms(terms: ScheduleTerms): void {
  const details: ErrorDetail[] = [];
  const cronProblem = findCronProblem(terms.cron);
  if (cronProblem !== null) details.push({ field: 'cron', message: cronProblem });
  if (!isTimezone(terms.timezone)) {
    details.push({
      field: 'timezone',
      message: `"${terms.timezone}" is no IANA time zone such as Europe/Madrid`,
    });
  }
  const { startsAt, endsAt } = terms;
  if (startsAt !== null && endsAt !== null && Date.parse(endsAt) <= Date.parse(startsAt))
    details.push({ field: 'endsAt', message: 'expected a moment after `startsAt`' });
  terms.blackouts.forEach((blackout, index) => {
    if (!('days' in blackout) && Date.parse(blackout.until) <= Date.parse(blackout.from))
      details.push({ field: `blackouts.${index}.until`, message: 'expected a moment after `from`' });
  });
  if (details.length > 0) throw invalidFields(details);
}

/** A moment inside a blackout is due, and passed over; people ask for the next one that submits. */
function withNextRun(schedule: Schedule): Schedule {
  if (schedule.nextAt === null || schedule.blackouts.length === 0) return schedule;
  const calendar = createCalendar(schedule);
  let at: Date | null = new Date(schedule.nextAt);
  for (let looked = 0; at !== null && looked < mostLookedAt && calendar.isBlackedOut(at); looked += 1)
    at = calendar.next(at);
  return { ...schedule, nextAt: at?.toISOString() ?? null };
}

function dueFrom(
  terms: ScheduleTerms & { paused: boolean },
  now: Date,
): Pick<NewScheduleRow, 'cursor' | 'nextAt'> {
  return { cursor: now, nextAt: terms.paused ? null : createCalendar(terms).next(now) };
}

/** Whether the same moments are due by both; a rule for what is passed over changes none. */
function isSameRule(before: StoredSchedule, after: ScheduleTerms & { paused: boolean }): boolean {
  const rule = (one: ScheduleTerms & { paused: boolean }): string =>
    JSON.stringify([one.cron, one.timezone, one.startsAt, one.endsAt, one.paused]);
  return rule(before) === rule(after);
}

async function inField(field: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'invalid_input') throw error;
    throw invalidFields(
      error.details.map((detail) => ({ field: `${field}.${detail.field}`, message: detail.message })),
    );
  }
}

function nameTaken(name: string): AppError {
  return new AppError('conflict', `There is a schedule "${name}" already.`);
}
