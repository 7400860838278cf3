import type { CancelCall } from './memory.ts';
import { readHistory, type History, type HistoryEvent, type Standing } from './history.ts';
import type { Storm } from './storm.ts';

interface JobRow {
  id: number;
  standing: Standing;
  attempt: number;
  released: number;
  events: { name: string; data: HistoryEvent['data']; xid: string }[];
  attempts: { number: number; state: string }[];
}

/** One snapshot for all that is said of a job. */
const jobsStatement = `
select j.id, coalesce(q.attempt, r.number, e.attempt) as attempt, coalesce(q.released, r.released, e.released) as released,
  case when q.job_id is not null then 'waits' when r.job_id is not null then 'runs' when e.job_id is not null then 'ended' else 'nowhere' end as standing,
  (select json_agg(json_build_object('name', v.name, 'data', v.data, 'xid', v.xid::text) order by v.xid, v.id)
   from events v where v.job_id = j.id) as events,
  coalesce((select json_agg(json_build_object('number', a.number, 'state', a.state) order by a.number)
   from attempts a where a.job_id = j.id), '[]') as attempts
from jobs j left join queued q on q.job_id = j.id left join running r on r.job_id = j.id left join ends e on e.job_id = j.id
where j.id > $1 order by j.id limit 2000`;

/** Holds what the events of each job tell against where it stands, against its attempts, and against what was answered. */
export async function checkHistories({ plain, memory }: Storm): Promise<string[]> {
  const found = new Map<string, number[]>();
  for (let from = 0; ;) {
    const jobs = await plain.query<JobRow>(jobsStatement, [from]);
    for (const job of jobs) {
      const history = readHistory(job.events.map((event) => ({ ...event, xid: BigInt(event.xid) })));
      const cancels = memory.cancels.get(job.id) ?? [];
      const wrong = [...checkStanding(job, history), ...checkCancels(job, history, cancels)];
      for (const what of wrong) found.set(what, [...(found.get(what) ?? []), job.id]);
    }
    const last = jobs.at(-1);
    if (!last) break;
    from = last.id;
  }
  return [...found].map(
    ([what, ids]) => `${what}: ${ids.length} jobs, such as ${ids.slice(0, 3).join(', ')}`,
  );
}

function checkStanding(job: JobRow, { odd, standing, ended }: History): string[] {
  const numbers = job.attempts.map(({ number }) => number);
  const isGapless = numbers.every((number, index) => number === index + 1);
  const released = job.attempts.filter(({ state }) => state === 'released').length;
  return [
    ...odd,
    ...when(standing !== job.standing, `its events say that it ${standing}, but it ${job.standing}`),
    ...when(!isGapless, 'its attempts have a gap'),
    ...when(numbers.join() !== ended.join(), 'its attempts are not those that its events ended'),
    ...when(
      job.attempt !== numbers.length + (job.standing === 'runs' ? 1 : 0),
      'it counts more or fewer attempts than it had',
    ),
    ...when(job.released !== released, 'it counts more or fewer attempts as taken back than were'),
  ];
}

function checkCancels({ events }: JobRow, { rests }: History, calls: readonly CancelCall[]): string[] {
  const isTold = (to: bigint, isMeant: (event: JobRow['events'][number]) => boolean): boolean =>
    events.some((event) => BigInt(event.xid) < to && isMeant(event));
  return calls.flatMap(({ state, from, to }) => {
    if (state === 'running')
      return when(
        !isTold(to, ({ name }) => name === 'cancel requested'),
        'a cancel of it was answered but not stored',
      );
    if (state === 'cancelled') {
      const isCancel = ({ name, data }: JobRow['events'][number]): boolean =>
        name === 'cancelled' && data?.attempt === undefined;
      return when(!isTold(to, isCancel), 'it was answered as cancelled, but was not');
    }
    // Left out: then it had ended at some moment of the call.
    const mayRest = rests.some((rest) => rest.from < to && (rest.to === null || rest.to >= from));
    return when(!mayRest, 'a cancel missed it, though it had not ended');
  });
}

function when(isSo: boolean, what: string): string[] {
  return isSo ? [what] : [];
}
