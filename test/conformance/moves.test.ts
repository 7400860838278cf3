import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decideMoves, type JobState } from '../../src/contract/states.ts';
import { emptyOutcome } from '../../src/domain/jobs/ports.ts';
import { decideNext } from '../../src/domain/jobs/decide.ts';
import type { ClaimedJob, JobStore } from '../../src/domain/jobs/ports.ts';
import type { WorkerStore } from '../../src/domain/fleet/ports.ts';
import { createFleetStore } from '../../src/adapters/store/fleet/fleet-store.ts';
import { createWorkerStore } from '../../src/adapters/store/fleet/worker-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { joinWorker, newJob } from '../support/jobs.ts';

const steps = [
  'submit',
  'claim',
  'finish',
  'finish twice',
  'cancel',
  'retry',
  'change',
  'remove',
  'sweep',
  'settle',
  'give up',
] as const;

describeOnDatabases('the moves of jobs', (create) => {
  let database: TestDatabase;
  let store: JobStore;
  let workers: WorkerStore;

  beforeAll(async () => {
    database = await create();
    store = createJobStore(database.db);
    workers = createWorkerStore(database.db);
    // Where a job stood is what its row said that went, and where it stands what the row says that came in its place.
    await database.db.query(`
      create table moves_made (job_id bigint, before text, after text);
      create table stood (job_id bigint primary key, state text);
      create function note_move() returns trigger language plpgsql as $$
      declare
        now_state text := coalesce(to_jsonb(new) ->> 'state', 'running');
      begin
        insert into moves_made select job_id, state, now_state from stood where job_id = new.job_id and state <> now_state;
        insert into stood values (new.job_id, now_state) on conflict (job_id) do update set state = now_state;
        return new;
      end $$;
      create trigger note_move after insert or update on queued for each row execute function note_move();
      create trigger note_move after insert on running for each row execute function note_move();
      create trigger note_move after insert or update on ends for each row execute function note_move();
    `);
  });

  afterAll(() => database?.drop());

  /** Ends an attempt in a way that the seed chooses, with a retry policy that allows some. */
  async function finish(job: ClaimedJob, seed: number): Promise<void> {
    const state = (['succeeded', 'failed', 'cancelled', 'released', 'failed'] as const)[seed % 5] ?? 'failed';
    const reason = state === 'failed' ? 'exit' : null;
    const outcome = emptyOutcome(state, { reason, exitCode: 1, endedAt: new Date().toISOString() });
    const retry = { ...job.retry, attempts: 3, initialMs: seed % 2 };
    const next = decideNext({ outcome, retry, tries: job.tries, now: new Date() });
    await store.finish([
      { jobId: job.jobId, number: job.number, token: job.token, outcome, next, family: null, actor: 'test' },
    ]);
  }

  it('never leave the table, whatever is done in whatever order by several at once', async () => {
    const step = fc.tuple(fc.constantFrom(...steps), fc.nat({ max: 1_000 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { minLength: 5, maxLength: 40 }), { minLength: 2, maxLength: 3 }),
        async (parties) => {
          await database.empty();
          await createFleetStore(database.db).putLane('narrow', { capacity: 1 });
          await Promise.all(parties.map((party) => act(party)));
          const made = await database.db.query<{ before: JobState; after: JobState }>(
            'select distinct before, after from moves_made',
          );
          for (const { before, after } of made)
            expect(decideMoves[before], `${before} to ${after}`).toContain(after);
          const [{ count: broken } = { count: -1 }] = await database.db.query<{ count: number }>(
            `select count(*) from (
               select j.id, (select count(*) from queued where job_id = j.id) + (select count(*) from running where job_id = j.id)
                 + (select count(*) from ends where job_id = j.id) as tables
               from jobs j
             ) jobs_standing where tables <> 1`,
          );
          expect(broken).toBe(0);
          const [lane] = await database.db.query<{ taken: number; held: number }>(
            `select taken, (select count(*) from running r where 'narrow' = any(r.lanes)) as held from lanes where key = 'narrow'`,
          );
          expect(lane?.taken).toBe(lane?.held);
        },
      ),
      { numRuns: 25 },
    );
  });

  async function act(party: readonly (readonly [(typeof steps)[number], number])[]): Promise<void> {
    const worker = await joinWorker(database.db);
    const claimed: ClaimedJob[] = [];
    const ended: ClaimedJob[] = [];
    const anyId = async (seed: number): Promise<number> => {
      const rows = await database.db.query<{ id: number }>('select id from jobs order by id');
      return rows[seed % Math.max(1, rows.length)]?.id ?? 1;
    };
    for (const [name, seed] of party) {
      switch (name) {
        case 'submit': {
          const after = seed % 3 === 0 ? [{ jobId: await anyId(seed), mustSucceed: seed % 2 === 0 }] : [];
          const runAt = seed % 5 === 0 ? new Date(Date.now() + (seed % 2) * 60_000).toISOString() : null;
          const state = after.length > 0 ? 'waiting' : runAt === null ? 'queued' : 'scheduled';
          await store.submit([newJob({ state, after, runAt, lanes: seed % 2 === 0 ? ['narrow'] : [] })]);
          break;
        }
        case 'claim':
          claimed.push(...(await worker.claim(1 + (seed % 3))));
          break;
        case 'finish': {
          const job = claimed.shift();
          if (job) ended.push(job);
          if (job) await finish(job, seed);
          break;
        }
        case 'finish twice': {
          const job = ended.at(-1);
          if (job) await finish(job, seed);
          break;
        }
        case 'cancel':
          await store.cancel([await anyId(seed)], 'test');
          break;
        case 'retry':
          await store.retry(await anyId(seed), 'test');
          break;
        case 'change':
          await store.change(await anyId(seed), { priority: seed % 10, assessment: 'obsolete' }, 'test');
          break;
        case 'remove':
          await store.remove(await anyId(seed));
          break;
        case 'sweep':
          await store.sweep(10);
          break;
        case 'settle':
          await store.settleDependants({ of: null, limit: 10 });
          break;
        case 'give up': {
          const watched = (await workers.watched()).find(({ id }) => id === worker.row.id);
          if (watched && seed % 4 === 0) await workers.giveUp(watched);
          break;
        }
      }
    }
  }
});
