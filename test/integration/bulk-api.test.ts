import { describe, expect, it } from 'vitest';
import { addUser, admin, ask, database, useAccounts, type Headers } from '../support/accounts.ts';
import { parseFilter } from '../../src/contract/filter/parse.ts';
import type { ClaimedJob } from '../../src/domain/jobs/ports.ts';
import type { KindContext } from '../../src/domain/jobs/kind-ports.ts';
import { bulkInput, bulkKind } from '../../src/kinds/bulk/bulk.ts';
import { joinWorker } from '../support/jobs.ts';
import { createTestProduct } from '../support/product.ts';
import { endJobs, plainJob, storeJobs, type DiaryJob } from '../support/diary.ts';

useAccounts();

const endedAt = new Date('2026-11-02T00:00:00Z');
const failed = { ...plainJob, state: 'failed', reason: 'exit', endedAt };

const store = (...jobs: DiaryJob[]): Promise<number[]> => storeJobs(database.db, jobs);
const bulk = (body: object, who: Headers = admin) => ask('POST', '/jobs/bulk', who, body);

async function column<T>(sql: string): Promise<T[]> {
  const rows = await database.db.query<{ value: T }>(`select ${sql} as value from job_rows order by id`);
  return rows.map(({ value }) => value);
}

describe('a dry run', () => {
  it('says how many there are and shows some, and touches nothing', async () => {
    await store(plainJob, failed, { ...plainJob, assessment: 'obsolete' });
    const { status, body } = await bulk({ action: 'cancel', filter: 'state:*', dryRun: true });
    expect([status, body]).toMatchObject([200, { status: 'dry run', matched: 2, isAtLeast: false }]);
    expect(body.sample.map(({ id }: { id: number }) => id).sort()).toEqual([1, 2]);
    expect(await column('state')).toEqual(['queued', 'failed', 'queued']);
  });
});

describe('a bulk action', () => {
  it('cancels what has not ended, and says why the rest was left alone', async () => {
    await store(plainJob, failed, plainJob, { ...plainJob, name: 'other' });
    const { body } = await bulk({ action: 'cancel', filter: 'job' });
    expect(body).toEqual({
      status: 'done',
      seen: 3,
      changed: 2,
      states: { queued: 2, failed: 1 },
      skipped: [{ reason: 'has ended already', count: 1, jobs: [2] }],
    });
    expect(await column('state')).toEqual(['cancelled', 'failed', 'cancelled', 'queued']);
  });

  it('retries what failed', async () => {
    await store(failed, plainJob);
    expect((await bulk({ action: 'retry', filter: 'state:failed' })).body).toMatchObject({
      seen: 1,
      changed: 1,
    });
    expect(await column('state')).toEqual(['queued', 'queued']);
  });

  it('removes what ended, and nothing that is kept', async () => {
    await store(failed, { ...failed, keep: true }, plainJob);
    const { body } = await bulk({ action: 'delete', filter: '' });
    expect(body).toMatchObject({ seen: 3, changed: 1 });
    expect(body.skipped.map(({ reason }: { reason: string }) => reason).sort()).toEqual([
      'has not ended',
      'is kept',
    ]);
    expect(await column('id')).toEqual([2, 3]);
  });

  it('moves what waits to another queue, with the limit of its queue, and nothing else', async () => {
    await database.db.query("insert into queues (name) values ('night') on conflict do nothing");
    await store(plainJob, failed, plainJob);
    await database.db.query(`update jobs set lanes = '{queue:default,other}' where id = 1`);
    await database.db.query(`update queued set lanes = '{queue:default,other}' where job_id = 1`);
    const { body } = await bulk({ action: 'move', queue: 'night', filter: 'queue:default' });
    expect(body).toMatchObject({
      changed: 2,
      skipped: [{ reason: 'does not wait any more', count: 1, jobs: [2] }],
    });
    expect(await column('queue')).toEqual(['night', 'default', 'night']);
    expect((await column('lanes'))[0]).toEqual(['queue:night', 'other']);
  });

  it('that moves to a queue there is not is refused, and moves nothing', async () => {
    await store(plainJob);
    const { status, body } = await bulk({ action: 'move', queue: 'nowhere', filter: '' });
    expect([status, body.details?.[0]?.field]).toEqual([400, 'queue']);
    expect(await column('queue')).toEqual(['default']);
  });

  it('tags, untags and assesses, with history, and the search knows at once', async () => {
    await store(plainJob, { ...plainJob, tags: ['old'] });
    await bulk({ action: 'tag', tags: ['night', 'old'], filter: '' });
    expect(await column('tags')).toEqual([
      ['night', 'old'],
      ['old', 'night'],
    ]);
    await bulk({ action: 'untag', tags: ['old'], filter: 'tag:old' });
    expect(await column('tags')).toEqual([['night'], ['night']]);
    await bulk({ action: 'assess', assessment: 'issue', analysis: 'done', filter: 'id:1' });
    expect((await ask('GET', '/jobs?q=iss', admin)).body.items).toMatchObject([
      { id: 1, assessment: 'issue', analysis: 'done' },
    ]);
    const { body } = await ask('GET', '/jobs/1/events', admin);
    expect(body.items.at(-1)).toMatchObject({ name: 'changed', actor: 'admin' });
  });

  it('touches nothing when there are not as many jobs as expected', async () => {
    await store(plainJob, plainJob);
    const { status, body } = await bulk({ action: 'cancel', filter: '', expect: 1 });
    expect([status, body.code]).toEqual([409, 'conflict']);
    expect(body.message).toMatch(/2 jobs, not 1/);
    expect(await column('state')).toEqual(['queued', 'queued']);
    expect((await bulk({ action: 'cancel', filter: '', expect: 2 })).body).toMatchObject({ changed: 2 });
  });

  it('leaves alone what is submitted later', async () => {
    await store({ ...plainJob, submittedAt: new Date(Date.now() + 60_000) });
    expect((await bulk({ action: 'cancel', filter: '' })).body).toMatchObject({ seen: 0 });
    expect(await column('state')).toEqual(['queued']);
  });

  it('leaves alone what belongs to others, for a member', async () => {
    const [ana, olga] = [await addUser('ana'), await addUser('olga', 'operator')];
    await store(plainJob, { ...plainJob, owner: 'bo' });
    await database.db.query(
      `update jobs j set owner_id = u.id from users u where u.name = j.owner and u.name = 'ana'`,
    );
    const { body } = await bulk({ action: 'cancel', filter: '' }, ana);
    expect(body).toMatchObject({ changed: 1, skipped: [{ reason: 'belongs to somebody else', jobs: [2] }] });
    expect(await column('state')).toEqual(['cancelled', 'queued']);
    expect((await bulk({ action: 'cancel', filter: '' }, olga)).body).toMatchObject({ changed: 1 });
  });

  it('needs the right for the action, of role and token', async () => {
    const vera = await addUser('vera', 'viewer');
    expect((await bulk({ action: 'cancel', filter: '' }, vera)).status).toBe(403);
    const made = await ask('POST', '/tokens', admin, { name: 'of a script', scopes: ['submit'] });
    const token = { authorization: `Bearer ${made.body.secret}` };
    expect((await bulk({ action: 'cancel', filter: '' }, token)).status).toBe(200);
    expect((await bulk({ action: 'delete', filter: '' }, token)).status).toBe(403);
  });

  it('is in the audit with its filter', async () => {
    await store(plainJob);
    await bulk({ action: 'cancel', filter: 'job -old' });
    const [entry] = (await ask('GET', '/audit', admin)).body.items;
    expect(entry).toMatchObject({
      actor: 'admin',
      action: 'jobs.bulk',
      details: { action: 'cancel', filter: 'job -old', changed: 1 },
    });
  });

  it.each([
    [{ action: 'explode', filter: '' }, 'action'],
    [{ action: 'tag', filter: '' }, 'tags'],
    [{ action: 'assess', filter: '' }, 'assessment'],
    [{ action: 'cancel', filter: 'stat:x' }, 'filter'],
    [{ action: 'cancel' }, 'filter'],
  ])('%j is refused and names %s', async (body, field) => {
    const answer = await bulk(body);
    expect([answer.status, answer.body.details.map((detail: { field: string }) => detail.field)]).toEqual([
      400,
      [field],
    ]);
  });
});

describe('an action on many jobs', () => {
  it('is a job of its own, with the rights of who asked, which people cannot submit themselves', async () => {
    await store(...Array.from({ length: 201 }, () => plainJob));
    const { status, body } = await bulk({ action: 'cancel', filter: 'job' });
    expect([status, body]).toMatchObject([202, { status: 'started', matched: 201, isAtLeast: false }]);
    const job = (await ask('GET', `/jobs/${body.job}`, admin)).body;
    expect(job).toMatchObject({
      kind: 'bulk',
      owner: 'admin',
      state: 'queued',
      queue: 'default',
      name: 'cancel: job',
    });
    const forged = await ask('POST', '/jobs', admin, { kind: 'bulk', input: job.input });
    expect([forged.status, forged.body.details[0].message]).toEqual([400, expect.stringMatching(/script/)]);
    expect((await ask('POST', `/jobs/${body.job}/again`, admin, { as: 'was' })).status).toBe(400);
  });
});

/** The kind, and a job of it as a worker gives it one. */
function takeBulkJob(claimed: ClaimedJob, { save }: { save(): Promise<void> }) {
  const { findActor, bulk: port } = createTestProduct(database.db).domains;
  const bulkSteps = { read: async () => null, save };
  const place = { homeDirectory: '/nowhere', scriptsDirectory: '/nowhere', findActor, bulk: port, bulkSteps };
  const { jobId, number, uid, name, owner, ownerId } = claimed;
  const input = bulkInput.parse(claimed.input);
  return {
    run: bulkKind.createRun({ ...place, settings: {} }),
    job: { id: jobId, attempt: number, uid, name, owner, ownerId, input, pinnedScript: null },
  };
}

it('an action of somebody who was removed touches nothing, whoever has the name when it runs', async () => {
  await store(...Array.from({ length: 201 }, () => failed));
  const ana = await addUser('ana', 'operator');
  await bulk({ action: 'retry', filter: 'state:failed' }, ana);
  await ask('DELETE', '/users/ana', admin);
  await addUser('ana', 'admin');
  const worker = await joinWorker(database.db, { kinds: ['bulk'] });
  const [claimed] = await worker.claim();
  if (!claimed) throw new Error('the action waits to be run');
  const { run, job } = takeBulkJob(claimed, { save: async () => {} });
  const context = { signal: new AbortController().signal, progress: () => {}, result: () => {} };
  expect(await run(job, context as unknown as KindContext)).toEqual({
    state: 'failed',
    reason: 'rejected',
    message: 'ana may not do this any more.',
  });
  expect(new Set(await column('state'))).toEqual(new Set(['failed', 'running']));
});

it('an accent is the same in either form: in a filter on a tag, a name or a project, and when a tag goes', async () => {
  const [composed, decomposed] = ['\u00E9t\u00E9', 'e\u0301te\u0301'];
  await store(
    { ...failed, name: composed, tags: [composed], project: composed },
    { ...failed, name: decomposed, tags: [decomposed], project: decomposed },
  );
  for (const key of ['tag', 'name', 'project'])
    for (const form of [composed, decomposed, `${composed.toUpperCase()}*`]) {
      const { body } = await ask('GET', `/jobs?q=${encodeURIComponent(`${key}:${form}`)}`, admin);
      expect([key, form, body.items.length]).toEqual([key, form, 2]);
      const others = await ask('GET', `/jobs?q=${encodeURIComponent(`-${key}:${form}`)}`, admin);
      expect(others.body.items).toEqual([]);
    }
  const listed = await ask('GET', `/jobs?project=${encodeURIComponent(composed)}`, admin);
  expect(listed.body.items).toHaveLength(2);
  expect(await column('tags[1]')).toEqual([composed, decomposed]);
  await bulk({ action: 'tag', filter: 'state:failed', tags: [composed] });
  expect(await column('cardinality(tags)')).toEqual([1, 1]);
  await bulk({ action: 'untag', filter: 'state:failed', tags: [composed] });
  expect(await column('cardinality(tags)')).toEqual([0, 0]);
});

it('an action that is stopped before it saw all jobs says so, and is no success', async () => {
  await store(...Array.from({ length: 201 }, () => failed));
  await bulk({ action: 'retry', filter: 'state:failed' });
  const worker = await joinWorker(database.db, { kinds: ['bulk'] });
  const [claimed] = await worker.claim();
  if (!claimed) throw new Error('the action waits to be run');
  const stop = new AbortController();
  const { run, job } = takeBulkJob(claimed, { save: async () => stop.abort() });
  const results: unknown[] = [];
  const context = { signal: stop.signal, progress: () => {}, result: (one: unknown) => results.push(one) };
  expect(await run(job, context as unknown as KindContext)).toMatchObject({ state: 'failed' });
  expect(results).toMatchObject([{ seen: 100, changed: 100 }]);
});

describe('an order under way', () => {
  it('stops behind a page when it is cancelled, and goes on from there without touching a job twice', async () => {
    await store(...Array.from({ length: 150 }, () => failed));
    const { bulk: port } = createTestProduct(database.db).domains;
    const order = {
      action: { action: 'retry' as const },
      filter: parseFilter('state:failed,queued'),
      askedAt: new Date(),
      actor: { name: 'ana', accountId: null, role: 'member' as const },
      mayTouchOthers: false,
    };
    const stop = new AbortController();
    const onStep = async (): Promise<void> => stop.abort();
    const first = await port.run(order, { step: null, signal: stop.signal, onStep });
    expect(first).toMatchObject({ seen: 100, changed: 100 });
    expect(first.cursor).not.toBeNull();
    // Some of those that were retried fail again, before a process that died does its page once more.
    await endJobs(
      database.db,
      (await column<number>('id')).filter((id) => id > 140),
      { state: 'failed', reason: 'exit' },
    );
    const again = await port.run(order, { step: null });
    expect(again).toMatchObject({ seen: 150, changed: 50 });
    expect(again.skipped).toContainEqual(
      expect.objectContaining({ reason: 'ended after this was asked', count: 10 }),
    );
    expect(await port.run(order, { step: first })).toMatchObject({ seen: 150, changed: 100, cursor: null });
  });
});
