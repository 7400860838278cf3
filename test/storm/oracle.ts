import { checkHistories } from './check-histories.ts';
import { lookForTheImpossible } from './look.ts';
import type { Storm } from './storm.ts';
import type { Follower } from './watchers.ts';

/** Whoever was removed meanwhile leaves these behind: the store knows them and says so in its own words. */
const expectedRefusals = [
  /^23503 (job_dependencies|base_runs|late_results)_\w+_fkey$/,
  // The statement of a killed backend, and one that waited for it.
  /^(57P0[123]|08\w+) /,
];

/** Looks at what a storm has left, and says what it finds wrong; nothing may be. */
export async function judge(storm: Storm, follower: Follower): Promise<string[]> {
  const { db, plain, seen, errors } = storm;
  // What is under way has ended; the feed has nothing more to wait for.
  while ((await follower.read(storm)) > 0);
  const refused = [...errors].filter(([error]) => !expectedRefusals.some((expected) => expected.test(error)));
  const faults = [
    ...[...seen].map(([what, times]) => `${what} (${times} times)`),
    ...refused.map(([error, times]) => `refused: ${error} (${times} times)`),
    ...(await lookForTheImpossible(db, 0)),
    ...(await checkPromises(storm)),
    ...(await checkWitnesses(storm)),
    ...(await checkHistories(storm)),
  ];
  const missed = (
    await plain.query<{ id: number }>('select e.id from events e join jobs j on j.id = e.job_id')
  ).filter(({ id }) => !follower.seen.has(id));
  if (missed.length > 0) faults.push(`the feed never told ${missed.length} events`);
  return faults;
}

/** What clients were told holds. */
async function checkPromises({ plain, memory }: Storm): Promise<string[]> {
  const jobs = await plain.query<{ id: number; uid: string }>('select id, uid from jobs');
  const uids = new Set(jobs.map(({ uid }) => uid));
  const gone = [...memory.accepted].filter(([uid, id]) => !uids.has(uid) && !memory.maybeRemoved.has(id));
  const unasked = jobs.filter(({ uid }) => !memory.sent.has(uid));
  const doubled = [...memory.keyAnswers.values()].filter((answers) => answers.size > 1);
  const empty = await plain.query(
    `select from idempotency_keys k where not exists (select from jobs j where j.uid = k.job_uid)
       and not exists (select from storm_removed r where r.uid = k.job_uid)`,
  );
  const words = await plain.query(
    'select from jobs j where not exists (select from job_words where job_id = j.id)',
  );
  return count({
    'accepted jobs are gone': gone,
    'jobs were stored that nobody submitted': unasked,
    'keys were answered with several jobs': doubled,
    'keys stand for jobs that were never stored': empty,
    'jobs cannot be found by any word': words,
  });
}

async function checkWitnesses({ plain, memory }: Storm): Promise<string[]> {
  const removals = await plain.query<{ id: number; wasKept: boolean; stoodLive: boolean }>(
    'select job_id as id, was_kept as "wasKept", stood_live as "stoodLive" from storm_removed',
  );
  return count({
    'kept jobs were removed by the rule': removals.filter(
      (one) => one.wasKept && memory.removedByRule.has(one.id),
    ),
    'jobs were removed while they waited or ran': removals.filter((one) => one.stoodLive),
    'places were taken over the capacity of a lane': await plain.query('select from storm_overfilled'),
    'tokens name two attempts': await plain.query(
      `select from (select token from attempts union all select token from running) x group by token having count(*) > 1`,
    ),
    'ends of applied attempts are not in the record': await plain.query(
      `select from unnest($1::uuid[]) t (token) where exists (select from running r where r.token = t.token)`,
      [[...memory.applied]],
    ),
  });
}

function count(found: Record<string, readonly unknown[]>): string[] {
  return Object.entries(found).flatMap(([what, rows]) => (rows.length > 0 ? [`${rows.length} ${what}`] : []));
}
