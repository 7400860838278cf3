import type { CapsuleStore, NewCapsule } from '../../domain/again/capsule-ports.ts';
import type { Actor } from '../../contract/actor.ts';
import type { Capsule } from '../../contract/capsule.ts';
import type { Database } from './database.ts';
import { Conditions, visibleTo } from './jobs/conditions.ts';
import { saveCapsules, ScriptTexts } from './jobs/keep-capsules.ts';

const changedStatement = `
with marked as (
  update capsules set script_changed = true where job_id = $1 and attempt = $2 and not script_changed
  returning job_id, attempt, facts
)
insert into events (job_id, actor, name, data)
select job_id, $3, 'script changed', json_build_object('attempt', attempt, 'file', facts -> 'script' ->> 'file') from marked`;

interface CapsuleRow {
  attempt: number;
  recordedAt: Date;
  scriptChanged: boolean;
  text: string | null;
  facts: Omit<NewCapsule, 'jobId' | 'attempt' | 'files'> & Partial<Pick<NewCapsule, 'files'>>;
}

export function createCapsuleStore(db: Database): CapsuleStore {
  const texts = new ScriptTexts(db);
  return {
    save: async (batch) => {
      await texts.save(batch);
      await saveCapsules(db, batch);
    },
    findScript: async ({ jobId, number }) => {
      const [row] = await db.query<{ file: string; sha256: string }>(
        `select facts -> 'script' ->> 'file' as file, encode(script_sha256, 'hex') as sha256
         from capsules where job_id = $1 and attempt = $2 and script_sha256 is not null`,
        [jobId, number],
      );
      return row ?? null;
    },
    markScriptChanged: async ({ jobId, number }, actor) => {
      await db.query(changedStatement, [jobId, number, actor]);
    },
    read: (jobId, attempt, actor) => read(db, { jobId, attempt }, actor),
    readText: async (sha256) => {
      const [row] = await db.query<{ text: string }>(
        'select text from script_texts where sha256 = decode($1, $2)',
        [sha256, 'hex'],
      );
      return row?.text ?? null;
    },
  };
}

async function read(
  db: Database,
  { jobId, attempt }: { jobId: number; attempt: number | null },
  actor: Actor,
): Promise<Capsule | null> {
  const conditions = visibleTo(new Conditions().add('job.id = ?', jobId), actor);
  if (attempt !== null) conditions.add('c.attempt = ?', attempt);
  const [row] = await db.query<CapsuleRow>(
    `select c.attempt, c.recorded_at as "recordedAt", c.script_changed as "scriptChanged", c.facts, t.text
     from capsules c join jobs job on job.id = c.job_id left join script_texts t on t.sha256 = c.script_sha256
     where ${conditions.text} order by c.attempt desc limit 1`,
    conditions.values,
  );
  if (!row) return null;
  const { script, ...facts } = row.facts;
  return {
    ...facts,
    // Those recorded before jobs had files say nothing of them.
    files: facts.files ?? [],
    jobId,
    attempt: row.attempt,
    recordedAt: row.recordedAt.toISOString(),
    script: script && { ...script, text: row.text, changed: row.scriptChanged },
  };
}
