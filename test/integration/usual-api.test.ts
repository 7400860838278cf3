import { describe, expect, it } from 'vitest';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { admin, ask, database, useAccounts } from '../support/accounts.ts';
import { failed, joinWorker, submitOne, succeeded } from '../support/jobs.ts';

useAccounts();

/** An ended job whose attempt took so long. */
async function ranFor(
  seconds: number,
  name: string,
  end: typeof failed | typeof succeeded = succeeded,
): Promise<number> {
  const store = createJobStore(database.db);
  const id = await submitOne(store, { name });
  const [job] = await (await joinWorker(database.db)).claim(1);
  if (!job) throw new Error('there is a job to claim');
  await store.finish([end(job)]);
  await database.db.query(
    `update ends set ended_at = started_at + $2 * interval '1 second' where job_id = $1`,
    [id, seconds],
  );
  return id;
}

describe('the usual time of a job', () => {
  it('is that of recent runs of the same name that succeeded, else of its first word, else of its kind', async () => {
    const [first] = [
      await ranFor(60, 'solve.sh A3'),
      await ranFor(120, 'solve.sh A3'),
      await ranFor(180, 'solve.sh A3'),
    ];
    const broken = await ranFor(1, 'solve.sh A3', failed);
    const alone = await ranFor(240, 'solve.sh B1');
    const other = await ranFor(10, 'mesh');
    const waiting = await submitOne(createJobStore(database.db), { name: 'solve.sh A3' });
    const usual = async (id: number) => (await ask('GET', `/jobs/${id}`, admin)).body.usual;
    expect(await usual(first)).toEqual({
      medianMs: 120_000,
      p5Ms: expect.closeTo(66_000, 0),
      p95Ms: expect.closeTo(174_000, 0),
      runs: 3,
      alike: 'name',
    });
    expect(await usual(broken)).toEqual(await usual(first));
    expect(await usual(alone)).toMatchObject({ medianMs: 150_000, runs: 4, alike: 'first word of the name' });
    expect(await usual(other)).toMatchObject({ medianMs: 10_000, runs: 1, alike: 'first word of the name' });
    expect(await usual(waiting)).toBeUndefined();
  });
});
