import type { Actor } from '../../contract/actor.ts';

/** One script task as contract A shows it. */
export interface TaskRow {
  id: number;
  uid: string;
  created: Date;
  input: unknown;
  started: Date | null;
  finished: Date | null;
  freeBeforeKib: number | null;
  freeAfterKib: number | null;
  retcode: number | null;
}

export interface Day {
  /** `YYYY-MM-DD`, or null for today. */
  date: string | null;
  /** IANA name; says when the day begins. */
  timezone: string;
}

/** The jobs of kind `script` as contract A sees them: the members describe the last attempt. */
export interface TaskReader {
  byId(id: number, actor: Actor): Promise<TaskRow | null>;
  byUid(uid: string, actor: Actor): Promise<TaskRow | null>;
  /** In order of creation. */
  ofDay(day: Day, actor: Actor): Promise<TaskRow[]>;
  countOfDay(day: Day, actor: Actor): Promise<number>;
  /** One entry for each day of this month so far. */
  daysOfMonth(timezone: string, actor: Actor): Promise<{ day: string; tasks: number }[]>;
  /** Free space after the tasks of this month that ended, oldest first, at most `limit` evenly chosen. */
  diskOfMonth(timezone: string, limit: number, actor: Actor): Promise<{ at: Date; freeKib: number }[]>;
}
