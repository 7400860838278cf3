/**
 * The table of the remote executor that Daybook replaces: `task_task`, as its web framework made it. What it calls its
 * columns is what its API calls the members of a task (contract A); others, such as names of log files, are taken along.
 */
import { z } from 'zod';
import { momentOf } from '../../contract/calendar.ts';
import { AppError } from '../../contract/errors.ts';
import type { ForeignRow, ImportedJob, ImportLine, ImportProblem } from '../../contract/import.ts';
import { anyUid } from '../../contract/uid.ts';
import { createSession } from './connection.ts';

export interface PredecessorTasks {
  /** `postgresql://user@host/database`; the password may stand in PGPASSWORD. */
  url: string;
  /** Of times that are stored without one. */
  timezone: string;
  /** Whose jobs they become. */
  owner: string;
}

const rowsAtOnce = 1_000;

const written = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d(?::?\d\d)?)?$/;
const time = z
  .string()
  .refine(
    (text) => written.test(text) && Number.isFinite(Date.parse(text)),
    'expected a time of the years 1 to 9999',
  );
const row = z.looseObject({
  id: z.int().min(1),
  uid: anyUid,
  created: time,
  script: z.string(),
  arguments: z.unknown(),
  started: time.nullish(),
  finished: time.nullish(),
  diskspace_before: z.number().nullish(),
  diskspace_after: z.number().nullish(),
  retcode: z.int().nullish(),
});
type Row = z.infer<typeof row>;

/**
 * Tasks in the order of their numbers, as lines of an import. Reads as it goes, never the whole table.
 * @throws AppError `database_unavailable` when it cannot be reached; `invalid_input` when there is no such table, or its
 * numbers are none
 */
export async function* readPredecessorTasks({
  url,
  timezone,
  owner,
}: PredecessorTasks): AsyncGenerator<ForeignRow> {
  const client = createSession({ connectionString: url }, 'daybook import');
  try {
    await client.connect();
    for (let last = 0; ;) {
      const { rows } = await client.query<{ task: unknown }>(
        'select to_jsonb(t) as task from task_task t where id > $1 order by id limit $2',
        [last, rowsAtOnce],
      );
      for (const { task } of rows) {
        const numbered = row.pick({ id: true }).safeParse(task);
        if (!numbered.success) throw unlike(task, numbered.error);
        last = numbered.data.id;
        yield { number: last, ...read(task, { timezone, owner }) };
      }
      if (rows.length < rowsAtOnce) return;
    }
  } catch (error) {
    throw error instanceof AppError ? error : toAppError(error as Error & { code?: string });
  } finally {
    await client.end().catch(() => undefined);
  }
}

function read(
  task: unknown,
  how: Omit<PredecessorTasks, 'url'>,
): { line: ImportLine } | { problems: ImportProblem[] } {
  const parsed = row.safeParse(task);
  if (parsed.success) return { line: toImported(parsed.data, how) };
  const problems = parsed.error.issues.map(({ path, message }) => ({ field: path.join('.'), message }));
  return { problems };
}

const known = new Set(Object.keys(row.shape));

function toImported(task: Row, { timezone, owner }: Omit<PredecessorTasks, 'url'>): ImportLine {
  const { id, uid, script, retcode = null } = task;
  const pairs = toPairs(task.arguments);
  const submittedAt = toMoment(task.created, timezone);
  const startedAt = task.started == null ? undefined : toMoment(task.started, timezone);
  const endedAt = task.finished == null ? undefined : toMoment(task.finished, timezone);
  const others = Object.entries(task).filter(([name, value]) => !known.has(name) && value !== null);
  return {
    source: 'tasks',
    id: String(id),
    number: id,
    uid,
    kind: 'script',
    name: [script, ...pairs.flat()]
      .filter((word) => word !== '')
      .join(' ')
      .slice(0, 300),
    owner,
    input: { script, arguments: pairs },
    submittedAt,
    // Clocks of two machines: what began before it was asked for began then.
    ...(startedAt === undefined ? {} : { startedAt: later(startedAt, submittedAt) }),
    ...(endedAt === undefined ? {} : { endedAt: later(endedAt, startedAt ?? submittedAt, submittedAt) }),
    ...endOf(retcode, endedAt !== undefined),
    ...kib('freeBeforeKib', task.diskspace_before),
    ...kib('freeAfterKib', task.diskspace_after),
    ...(others.length === 0
      ? {}
      : { info: others.map(([name, value]) => `${name}: ${String(value)}`).join('\n') }),
  };
}

function endOf(retcode: number | null, hasEnded: boolean): Pick<ImportedJob, 'state'> & Partial<ImportedJob> {
  if (retcode === null) return { state: hasEnded ? 'finished' : 'unknown' };
  if (retcode === 0) return { state: 'succeeded', exitCode: 0 };
  // Python tells of a signal by a negative number.
  const exitCode = retcode < 0 ? 128 - retcode : retcode;
  return { state: 'failed', reason: 'exit', exitCode: Math.min(exitCode, 255) };
}

function kib(name: 'freeBeforeKib' | 'freeAfterKib', value: number | null | undefined): object {
  return value == null || value < 0 ? {} : { [name]: Math.round(value) };
}

/** An object, or one as text; whatever else it is stands as it is written. */
function toPairs(value: unknown): [option: string, value: string][] {
  const read = typeof value === 'string' ? parse(value) : value;
  if (typeof read === 'object' && read !== null && !Array.isArray(read))
    return Object.entries(read).map(([option, one]) => [
      option,
      typeof one === 'string' ? one : JSON.stringify(one),
    ]);
  return read === null || read === undefined || read === '' ? [] : [['', String(value)]];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function toMoment(text: string, timezone: string): string {
  const [, year, month, day, hour, minute, second, fraction = '', zone] = written.exec(text) ?? [];
  if (zone !== undefined) return new Date(text).toISOString();
  const reading = [year, month, day, hour, minute, second].map(Number) as [number, number, number];
  return new Date(momentOf(reading, timezone) + Math.round(Number(`0${fraction}`) * 1_000)).toISOString();
}

function later(...moments: readonly string[]): string {
  return moments.reduce((one, other) => (Date.parse(other) > Date.parse(one) ? other : one));
}

function unlike(task: unknown, error: z.ZodError): AppError {
  const { id } = task as { id?: unknown };
  const [first] = error.issues;
  return new AppError(
    'invalid_input',
    `Task ${String(id)} of task_task is not as expected: ${first?.path.join('.')}: ${first?.message}.`,
  );
}

function toAppError(error: Error & { code?: string }): AppError {
  if (error.code === '42P01')
    return new AppError('invalid_input', 'There is no table task_task in that database.', { cause: error });
  return new AppError(
    'database_unavailable',
    `The database of the predecessor cannot be read: ${error.message}.`,
    { cause: error },
  );
}
