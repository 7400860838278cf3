import type { Actor, Owned } from '../../contract/actor.ts';
import type {
  CrontabImport,
  RunOutcome,
  Schedule,
  SchedulePreview,
  ScheduleRun,
  ScheduleTerms,
  ScheduleTimeline,
} from '../../contract/schedule.ts';
import type { JobState } from '../../contract/states.ts';

/** As stored: with what decides who acts. */
export interface StoredSchedule extends Omit<Schedule, 'lastRun'> {
  id: number;
  /** Every moment up to this one is decided. */
  cursor: Date;
}

export interface NewScheduleRow extends ScheduleTerms, Owned {
  name: string;
  note: string;
  paused: boolean;
  submit: Record<string, unknown>;
  cursor: Date;
  nextAt: Date | null;
}

/** A moment that was decided: submitted soon (`pending`), or passed over. */
export interface Decision {
  dueAt: Date;
  lastDueAt: Date | null;
  moments: number;
  outcome: Extract<RunOutcome, 'pending' | 'blackout' | 'missed'>;
}

/** A moment whose job is still to be submitted. */
export interface PendingRun {
  runId: number;
  dueAt: Date;
  /** Asked for by somebody, not due. */
  isAsked: boolean;
  schedule: StoredSchedule;
  /** Jobs of this schedule that have not ended. */
  unfinished: { id: number; state: JobState }[];
}

export interface ScheduleStore {
  list(): Promise<Schedule[]>;
  find(name: string): Promise<StoredSchedule | null>;
  lastRun(id: number): Promise<ScheduleRun | null>;
  /** False: the name is taken. */
  add(row: NewScheduleRow): Promise<boolean>;
  /** Members that are named; `cursor` and `nextAt` go with whatever changes when it is due. */
  change(id: number, change: Partial<NewScheduleRow>, by: string): Promise<'changed' | 'gone' | 'name_taken'>;
  remove(id: number): Promise<boolean>;
  /** Schedules whose cursor stands more than a minute ahead of this clock; paused ones are left out. */
  ahead(now: Date, limit: number): Promise<StoredSchedule[]>;
  /**
   * Moves a cursor back, under the same condition as `decide`. What was decided of moments still to come stays in the
   * history, as asked for by the clock, so that those moments are decided once more when they come.
   */
  correct(
    schedule: Pick<StoredSchedule, 'id' | 'cursor'>,
    corrected: { now: Date; cursor: Date; nextAt: Date | null },
  ): Promise<boolean>;
  /** Schedules with an undecided moment up to `now`, the most overdue first. */
  due(now: Date, limit: number): Promise<StoredSchedule[]>;
  /**
   * Records what becomes of moments and moves the cursor, in one transaction, if nobody moved it from where it was
   * read, nor paused or changed the rule meanwhile. So of two that decide, one does: each moment is decided once.
   */
  decide(
    schedule: Pick<StoredSchedule, 'id' | 'cursor'>,
    decided: { decisions: readonly Decision[]; cursor: Date; nextAt: Date | null },
  ): Promise<boolean>;
  /** Somebody asks for a run now. Its number. */
  ask(id: number, at: Date, by: string): Promise<number>;
  /** Numbers of runs whose jobs are still to be submitted, the oldest first. */
  pending(limit: number): Promise<number[]>;
  findPending(runId: number): Promise<PendingRun | null>;
  /** `submitted` holds whatever was recorded before; the others only while the run is pending. */
  conclude(runId: number, end: { outcome: RunOutcome; jobId?: number; message?: string }): Promise<void>;
  runs(id: number, page: { before: Date | null; limit: number }): Promise<ScheduleRun[]>;
  /** Of all schedules, by name; the newest first, so many of each. */
  runsSince(since: Date, most: number): Promise<{ name: string; run: ScheduleRun }[]>;
}

export interface ScheduleRequest extends ScheduleTerms {
  name: string;
  note: string;
  paused: boolean;
  submit: Record<string, unknown>;
}

/** The use cases of schedules. Errors meant for people are `AppError`s. */
export interface Schedules {
  list(): Promise<Schedule[]>;
  /** @throws AppError `not_found` */
  get(name: string): Promise<Schedule>;
  /** What `add` would refuse, but for the name. @throws AppError `invalid_input` */
  check(request: ScheduleRequest, actor: Actor): Promise<void>;
  /** Due from now on. @throws AppError `invalid_input`; `conflict` when the name is taken */
  add(request: ScheduleRequest, actor: Actor): Promise<Schedule>;
  /**
   * A schedule that goes on after a pause, or whose rule changed, is due from now on: moments before are not missed.
   * Who says what it submits, or takes it over, becomes its owner.
   * @throws AppError `invalid_input`, `not_found`, `conflict`
   */
  change(
    name: string,
    change: Partial<ScheduleRequest> & { takeOver?: true },
    actor: Actor,
  ): Promise<Schedule>;
  /** Its jobs stay. @throws AppError `not_found` */
  remove(name: string): Promise<void>;
  /** Submits now, also while paused and whatever else runs. @throws AppError as the submit does */
  runNow(name: string, actor: Actor): Promise<ScheduleRun>;
  /** The newest first. @throws AppError `not_found` */
  runs(name: string, page: { before: Date | null; limit: number }): Promise<ScheduleRun[]>;
}

/** A line of a crontab is a schedule; or says why it is none. */
export interface CrontabOrder {
  text: string;
  /** A sixth field names a user, as in /etc/crontab. */
  hasUser: boolean;
  /** Of lines above which no `CRON_TZ` stands. */
  timezone: string;
  /** Tells what would be made, and makes nothing. */
  dryRun: boolean;
}

/** What people look at before and besides the schedules themselves. */
export interface ScheduleBoard {
  /** @throws AppError `invalid_input` */
  preview(terms: ScheduleTerms, count: number): SchedulePreview;
  timeline(range: { hoursBack: number; hoursAhead: number }): Promise<ScheduleTimeline>;
  /** Every line is answered for; those that can be made are, whatever the others are. */
  importCrontab(order: CrontabOrder, actor: Actor): Promise<CrontabImport>;
}
