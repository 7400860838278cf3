import { isSqlError } from '../sqlstates.ts';
import type { RetentionRule } from '../../../contract/retention.ts';
import type {
  OpenRun,
  RemovedBytes,
  RetentionStore,
  RuleFields,
  StoredRule,
} from '../../../domain/retention/ports.ts';
import type { Database } from '../database.ts';
import type { MarkGap } from '../../../domain/output/ports.ts';
import { removeByRule, weighJobs } from './removal.ts';

const columns = `r.id, r.name, r.filter, r.older_than_days as "olderThanDays", r.removes, r.is_enabled as enabled,
  r.effective_from as "effectiveFrom", r.version, r.created_by as "createdBy", r.created_at as "createdAt",
  r.changed_by as "changedBy", r.changed_at as "changedAt"`;

const shownRuns = 10;

/** The times in ISO, by the database: it is told as JSON. */
const runsOf = `(
  select coalesce(json_agg(json_build_object('startedAt', to_char(n.started_at at time zone 'UTC', $1::text),
    'endedAt', to_char(n.ended_at at time zone 'UTC', $1::text), 'jobs', n.jobs, 'outputBytes', n.output_bytes, 'fileBytes', n.file_bytes) order by n.id desc), '[]')
  from (select * from retention_runs n where n.rule_id = r.id order by n.id desc limit ${shownRuns}) n
) as runs`;
const isoFormat = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"';

interface RuleRow extends Omit<StoredRule, 'effectiveFrom' | 'createdAt' | 'changedAt'> {
  effectiveFrom: Date;
  createdAt: Date;
  changedAt: Date;
}

type ShownRow = RuleRow & Pick<RetentionRule, 'runs'>;

/** @param markGap leaves a mark in the place of output that is removed */
export function createRetentionStore(db: Database, markGap: MarkGap): RetentionStore {
  const list = (only: number | null = null): Promise<RetentionRule[]> =>
    db
      .query<ShownRow>(
        `select ${columns}, ${runsOf} from retention_rules r where $2::bigint is null or r.id = $2 order by lower(r.name)`,
        [isoFormat, only],
      )
      .then((rows) => rows.map(toShown));
  const shown = async (id: number): Promise<RetentionRule | null> => (await list(id))[0] ?? null;
  return {
    list: () => list(),
    enabled: async () =>
      (await db.query<RuleRow>(`select ${columns} from retention_rules r where r.is_enabled`)).map(toRule),
    find: async (id) => {
      const [row] = await db.query<RuleRow>(`select ${columns} from retention_rules r where r.id = $1`, [id]);
      return row ? toRule(row) : null;
    },
    add: async (rule, actor) => {
      const [row] = await db.query<{ id: number }>(
        `insert into retention_rules (name, filter, older_than_days, removes, is_enabled, effective_from, created_by, changed_by)
         values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict do nothing returning id`,
        [...valuesOf(rule), actor],
      );
      return row ? shown(row.id) : null;
    },
    change: async (id, rule, actor) => {
      try {
        await changeRule(db, id, { rule, actor });
      } catch (error) {
        if (isSqlError(error, 'uniqueViolation')) return 'taken';
        throw error;
      }
      return shown(id);
    },
    remove: async (id) => {
      const rule = await shown(id);
      const gone = await db.query('delete from retention_rules where id = $1 returning 1', [id]);
      return gone.length > 0 ? rule : null;
    },
    openRuns: (now, everyMs) => openRuns(db, now, everyMs),
    removeFrom: (jobId, run, now) => removeByRule(db, { jobId, run, now, markGap }),
    advance: (runId, cursor) => advance(db, runId, cursor),
    newestMark: async () => {
      const [row] = await db.query<{ at: Date | null }>(
        'select max(recorded_at) as at from (select recorded_at from events order by id desc limit 100) newest',
      );
      return row?.at ?? null;
    },
    weigh: (jobIds, removes) => weighJobs(db, jobIds, removes),
  };
}

async function changeRule(
  db: Database,
  id: number,
  { rule, actor }: { rule: RuleFields; actor: string },
): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(
      `update retention_rules set name = $2, filter = $3, older_than_days = $4, removes = $5, is_enabled = $6,
         effective_from = $7, version = version + 1, changed_by = $8, changed_at = now()
       where id = $1`,
      [id, ...valuesOf(rule), actor],
    );
    await tx.query('update retention_runs set ended_at = now() where rule_id = $1 and ended_at is null', [
      id,
    ]);
  });
}

/** Racing leaders begin one run: the schema allows one without an end. */
async function openRuns(db: Database, now: Date, everyMs: number): Promise<OpenRun[]> {
  await db.query(
    `insert into retention_runs (rule_id)
     select r.id from retention_rules r
     where r.is_enabled and r.effective_from <= least(now(), $1::timestamptz) and not exists (
       select from retention_runs n where n.rule_id = r.id and (
         n.ended_at is null
         or n.started_at > greatest(now() - $2 * interval '1 millisecond', r.effective_from)
       )
     )
     on conflict do nothing`,
    [now, everyMs],
  );
  const rows = await db.query<RuleRow & { runId: number; cursor: string | null }>(
    `select ${columns}, n.id as "runId", n.cursor from retention_runs n join retention_rules r on r.id = n.rule_id
     where n.ended_at is null and r.is_enabled and r.effective_from <= least(now(), $1::timestamptz) order by n.id`,
    [now],
  );
  return rows.map(({ runId, cursor, ...rule }) => ({ id: runId, rule: toRule(rule), cursor }));
}

/** Whoever ends a run is the only one to hear of it. */
async function advance(
  db: Database,
  runId: number,
  cursor: string | null,
): Promise<({ jobs: number } & RemovedBytes) | null> {
  const [row] = await db.query<{ jobs: number } & RemovedBytes>(
    `with run as (
       update retention_runs set cursor = $2, ended_at = case when $2::text is null then now() end
       where id = $1 and ended_at is null
       returning id, rule_id, jobs, output_bytes, file_bytes, ended_at
     ), forgotten as (
       delete from retention_runs n using run
       where run.ended_at is not null and n.rule_id = run.rule_id and n.id < run.id and n.jobs = 0
     )
     select jobs, output_bytes as "outputBytes", file_bytes as "fileBytes" from run where ended_at is not null`,
    [runId, cursor],
  );
  return row ?? null;
}

function valuesOf({ name, filter, olderThanDays, removes, enabled, effectiveFrom }: RuleFields): unknown[] {
  return [name, filter, olderThanDays, removes, enabled, effectiveFrom];
}

function toRule(row: RuleRow): StoredRule {
  return {
    ...row,
    effectiveFrom: row.effectiveFrom.toISOString(),
    createdAt: row.createdAt.toISOString(),
    changedAt: row.changedAt.toISOString(),
  };
}

function toShown(row: ShownRow): RetentionRule {
  const { version: _version, ...rule } = toRule(row);
  return { ...rule, runs: row.runs };
}
