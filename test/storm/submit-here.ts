import type { ClaimedJob, ClaimRequest, JobStore, NewJob } from '../../src/domain/jobs/ports.ts';
import { anyJob } from './jobs-of-storm.ts';
import { isCrowded, submitBatch } from './people.ts';
import type { Storm } from './storm.ts';

interface Here {
  storm: Storm;
  store: JobStore;
  /** What the worker serves. */
  serves: Pick<ClaimRequest, 'queues' | 'labels' | 'kinds'>;
  /** Asks with a slot that is kept free meanwhile, and holds what was claimed. */
  claiming(ask: (request: ClaimRequest) => Promise<readonly ClaimedJob[]>): Promise<void>;
}

/**
 * A submit to the process of a worker, as the product makes it: the job is stored as running where nothing is in its way,
 * and takes its turn otherwise.
 */
export async function submitHere(here: Here): Promise<void> {
  const { storm, store, serves } = here;
  if (isCrowded(storm)) return storm.pause(100);
  const job = aJob(storm, serves.queues);
  const isClaimed = job.state === 'queued' && job.ownLane === null && (await submitClaimed(here, job));
  storm.count(isClaimed ? 'submit: claimed' : 'submit: must take its turn');
  // Most go away instead of waiting: then neither job nor key may be there, and more begin at once.
  if (!isClaimed && storm.random.chance(0.3)) await submitBatch(storm, store, [job]);
}

/** Most that count in a limit have to take their turn; these are to meet the other obstacles, too. */
function aJob(storm: Storm, queues: readonly string[]): NewJob {
  const { random } = storm;
  const job = anyJob(storm);
  const queue = queues.includes('*') ? job.queue : random.pick(queues);
  return { ...job, queue, lanes: random.pick([[], [], ['made'], job.lanes]) };
}

/** Looks before and behind: what stood there both times, unchanged, stood there for the statement as well. */
async function submitClaimed({ storm, store, serves, claiming }: Here, job: NewJob): Promise<boolean> {
  const look = { storm, serves, queue: job.queue };
  const before = await readObstacles(look);
  let claimed: ClaimedJob | null = null;
  await claiming(async (request) => {
    claimed = await store.submitClaimed(job, request);
    if (claimed) remember(storm, job, claimed);
    return claimed ? [claimed] : [];
  });
  if (!claimed) return false;
  const behind = new Set((await readObstacles(look, before)).map(nameOf));
  for (const obstacle of before)
    if (behind.has(nameOf(obstacle))) storm.accuse(`a submit was claimed past ${obstacle.what}`);
  return true;
}

function remember(
  { memory }: Storm,
  { queue, needs, idempotency }: NewJob,
  { jobId, uid }: ClaimedJob,
): void {
  memory.accept(jobId, uid);
  if (!idempotency) return;
  const place = { queue, needs };
  memory.answerKey(idempotency.key, { status: 'stored', id: jobId, uid, isNew: true, place });
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

interface Look {
  storm: Storm;
  serves: Here['serves'];
  /** Of the job that is to pass nobody. */
  queue: string;
}

/** @param of only these are asked for again */
function readObstacles({ storm, serves, queue }: Look, of?: readonly Obstacle[]): Promise<Obstacle[]> {
  const { kinds, labels, queues } = serves;
  const ids = of?.map(({ id }) => id) ?? null;
  return storm.plain.query<Obstacle>(obstaclesStatement, [kinds, labels, queues, ids, queue]);
}

function nameOf({ what, id, version }: Obstacle): string {
  return `${what} ${id} ${version}`;
}
