import type { ClaimedJob, ClaimRequest, JobStore, NewJob } from '../../src/domain/jobs/ports.ts';
import { anyJob } from './jobs-of-storm.ts';
import { isCrowded, submitBatch } from './people.ts';
import type { Storm } from './storm.ts';

interface Here {
  storm: Storm;
  store: JobStore;
  /** Of the worker. */
  queues: readonly string[];
  /** Asks with a slot that is kept free meanwhile, and holds what was claimed. */
  claiming(ask: (request: ClaimRequest) => Promise<readonly ClaimedJob[]>): Promise<void>;
}

/**
 * A submit to the process of a worker, as the product makes it: the job is stored as running where nothing is in its way,
 * and takes its turn otherwise.
 */
export async function submitHere({ storm, store, queues, claiming }: Here): Promise<void> {
  if (isCrowded(storm)) return storm.pause(100);
  const job = aJob(storm, queues);
  let isStored = false;
  if (job.state === 'queued' && job.ownLane === null) {
    await claiming(async (request) => {
      const claimed = await submitClaimed({ storm, store, job, request });
      isStored = claimed.length > 0;
      return claimed;
    });
    storm.count(isStored ? 'submit: claimed' : 'submit: must take its turn');
  }
  // Most go away instead of waiting: then neither job nor key may be there, and more begin at once.
  if (!isStored && storm.random.chance(0.3)) await submitBatch(storm, store, [job]);
}

/** Most that count in a limit have to take their turn; these are to meet the other obstacles, too. */
function aJob(storm: Storm, queues: readonly string[]): NewJob {
  const { random } = storm;
  const job = anyJob(storm);
  const queue = queues.includes('*') ? job.queue : random.pick(queues);
  return { ...job, queue, lanes: random.pick([[], [], ['made'], job.lanes]) };
}

interface Asked {
  storm: Storm;
  store: JobStore;
  job: NewJob;
  request: ClaimRequest;
}

/** Looks before and behind: what stood there both times, unchanged, stood there for the statement as well. */
async function submitClaimed(asked: Asked): Promise<ClaimedJob[]> {
  const { storm, store, job, request } = asked;
  const before = await readObstacles(asked);
  const claimed = await store.submitClaimed(job, request);
  if (!claimed) return [];
  const { memory } = storm;
  memory.accept(claimed.jobId, claimed.uid);
  if (job.idempotency) {
    const { jobId: id, uid } = claimed;
    const { queue, needs } = job;
    const outcome = { status: 'stored', id, uid, isNew: true, place: { queue, needs } } as const;
    memory.answerKey(job.idempotency.key, outcome);
  }
  const behind = new Set((await readObstacles(asked, before)).map(nameOf));
  for (const obstacle of before)
    if (behind.has(nameOf(obstacle))) storm.accuse(`a submit was claimed past ${obstacle.what}`);
  return [claimed];
}

interface Obstacle {
  what: string;
  id: number;
  /** Another one as soon as anything of it is written. */
  version: string;
}

const obstaclesStatement = `
(
  select 'a job that could have begun' as what, c.job_id as id, c.xmin::text || ' ' || q.xmin::text as version
  from queued c join places p on p.id = c.place join queues q on q.name = p.queue and not q.paused
  where c.state = 'queued' and c.kind = any($1::text[]) and p.needs <@ $2::text[]
    and (p.queue = any($3::text[]) or '*' = any($3::text[])) and ($4::bigint[] is null or c.job_id = any($4::bigint[]))
  order by c.priority desc, c.job_id limit 20
)
union all
select 'the pause of its queue', 0, q.xmin::text from queues q where q.paused and q.name = $5`;

/** @param of only these are asked for again */
function readObstacles({ storm, job, request }: Asked, of?: readonly Obstacle[]): Promise<Obstacle[]> {
  const { kinds, labels, queues } = request;
  return storm.plain.query<Obstacle>(obstaclesStatement, [
    kinds,
    labels,
    queues,
    of?.map(({ id }) => id) ?? null,
    job.queue,
  ]);
}

function nameOf({ what, id, version }: Obstacle): string {
  return `${what} ${id} ${version}`;
}
