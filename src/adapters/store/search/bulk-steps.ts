import type { BulkStep, BulkSteps } from '../../../domain/diary/ports.ts';
import type { Database } from '../database.ts';

export function createBulkSteps(db: Database): BulkSteps {
  return {
    read: async (jobId) => {
      const [row] = await db.query<{ result: BulkStep }>('select result from job_results where job_id = $1', [
        jobId,
      ]);
      return row?.result ?? null;
    },
    // Only while the attempt runs: one that was given up must not overwrite what its successor did.
    save: async (jobId, attempt, step) => {
      await db.query(
        `insert into job_results (job_id, attempt, result)
         select job_id, number, $3::json from running where job_id = $1 and number = $2 for share
         on conflict (job_id) do update set attempt = excluded.attempt, result = excluded.result`,
        [jobId, attempt, JSON.stringify(step)],
      );
    },
  };
}
