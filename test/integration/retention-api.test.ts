import { describe, expect, it } from 'vitest';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { addUser, admin, app, ask, clock, database, useAccounts, type Headers } from '../support/accounts.ts';
import { setSubmittedAt } from '../support/diary.ts';
import { joinWorker, submitOne, succeeded } from '../support/jobs.ts';

useAccounts();

async function send(method: 'POST' | 'PATCH', path: string, payload: object, headers: Headers = admin) {
  const answer = await app.inject({ method, url: `/api/v1/retention-rules${path}`, headers, payload });
  return { status: answer.statusCode, body: answer.json() };
}

const old = { name: 'old ones', filter: 'state:ended', olderThanDays: 30, removes: 'job' };

async function oldJob(): Promise<number> {
  const store = createJobStore(database.db);
  const id = await submitOne(store);
  const [job] = await (await joinWorker(database.db)).claim(1);
  if (!job) throw new Error('there is a job to claim');
  await store.finish([succeeded(job, { stdoutBytes: 100 })]);
  await setSubmittedAt(database.db, `timestamptz '${clock.now().toISOString()}' - interval '41 days'`, id);
  await database.db.query(
    `update ends set ended_at = $2::timestamptz - interval '40 days' where job_id = $1`,
    [id, clock.now()],
  );
  return id;
}

describe('retention rules', () => {
  it('are announced, listed, changed and removed, each with an entry in the audit', async () => {
    const made = await send('POST', '', old);
    expect([made.status, made.body]).toMatchObject([
      201,
      { ...old, enabled: true, createdBy: 'admin', runs: [] },
    ]);
    expect(Date.parse(made.body.effectiveFrom) - clock.now().getTime()).toBe(86_400_000);
    const changed = await send('PATCH', `/${made.body.id}`, { enabled: false });
    expect(changed.body).toMatchObject({ enabled: false, effectiveFrom: made.body.effectiveFrom });
    expect((await ask('GET', '/retention-rules', admin)).body.items).toEqual([changed.body]);
    expect((await ask('DELETE', `/retention-rules/${made.body.id}`, admin)).status).toBe(204);
    expect((await ask('DELETE', `/retention-rules/${made.body.id}`, admin)).status).toBe(404);
    expect((await send('PATCH', `/${made.body.id}`, { enabled: true })).status).toBe(404);
    const audit = (await ask('GET', '/audit?action=retention-rules', admin)).body.items as {
      action: string;
    }[];
    expect(audit.map(({ action }) => action)).toEqual([
      'retention-rules.delete',
      'retention-rules.change',
      'retention-rules.create',
    ]);
  });

  it('name what is wrong with them', async () => {
    const fieldsOf = ({ status, body }: { status: number; body: { details: { field: string }[] } }) => [
      status,
      body.details.map(({ field }) => field),
    ];
    expect(fieldsOf(await send('POST', '', { ...old, filter: 'stat:failed' }))).toEqual([400, ['filter']]);
    expect(fieldsOf(await send('POST', '', { ...old, filter: 'is:mine' }))).toEqual([400, ['filter']]);
    expect(fieldsOf(await send('POST', '', { ...old, olderThanDays: 0 }))).toEqual([400, ['olderThanDays']]);
    expect(fieldsOf(await send('POST', '', { ...old, removes: 'everything' }))).toEqual([400, ['removes']]);
    await send('POST', '', old);
    expect(fieldsOf(await send('POST', '', { ...old, name: 'OLD ones' }))).toEqual([409, ['name']]);
  });

  it('say before what they would remove, and change nothing by that', async () => {
    const [first, second] = [await oldJob(), await oldJob()];
    await database.db.query('update jobs set keep = true where id = $1', [second]);
    const { name: _name, ...terms } = old;
    const { status, body } = await send('POST', '/preview', terms);
    expect([status, body]).toMatchObject([
      200,
      {
        jobs: 1,
        isAtLeast: false,
        outputBytes: 100,
        oldest: { id: first },
        newest: { id: first },
        kept: 1,
        keptIsAtLeast: false,
      },
    ]);
    expect((await ask('GET', '/jobs', admin)).body.items).toHaveLength(2);
  });

  it('are for admins; when one takes a job, everybody who sees the job is told', async () => {
    const olga = await addUser('olga', 'operator');
    const vera = await addUser('vera', 'viewer');
    const id = await oldJob();
    const { effectiveFrom } = (await send('POST', '', old)).body;
    expect((await ask('GET', '/retention-rules', olga)).status).toBe(403);
    expect((await send('POST', '', old, olga)).status).toBe(403);
    expect((await ask('GET', `/jobs/${id}/retention`, vera)).body).toEqual({
      items: [{ rule: 'old ones', removes: 'job', at: effectiveFrom }],
      keptBy: null,
    });
  });
});
