import type { Actor } from '../../../contract/actor.ts';
import type { Job } from '../../../contract/job.ts';
import type { Queryable } from '../database.ts';
import { Conditions, visibleTo } from './conditions.ts';

type BaseRuns = Pick<Job, 'baseRuns' | 'baseRunOf'>;

const mostDependants = 100;

/** What a job is compared with, and what is compared with it. Of a job that one may not see stands only the number. */
export async function readBaseRuns(db: Queryable, jobId: number, actor: Actor): Promise<BaseRuns> {
  const ofBase = visibleTo(new Conditions(), actor);
  const baseRuns = await db.query<Job['baseRuns'][number]>(
    `select b.base_job_id as "jobId", b.foreign_id as "foreignId", o.name, o.state, o.assessment
     from base_runs b left join lateral (
       select job.name, job.state, job.assessment from job_rows job where job.id = b.base_job_id and ${ofBase.text}
     ) o on true
     where b.job_id = ${ofBase.value(jobId)}
     order by b.base_job_id, b.foreign_id`,
    ofBase.values,
  );
  const ofDependants = visibleTo(new Conditions().add('b.base_job_id = ?', jobId), actor);
  const dependants = await db.query<{ id: number }>(
    `select job.id from base_runs b join jobs job on job.id = b.job_id where ${ofDependants.text}
     order by job.id desc limit ${mostDependants}`,
    ofDependants.values,
  );
  return { baseRuns, baseRunOf: dependants.map(({ id }) => id) };
}
