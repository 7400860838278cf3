import { beforeEach, describe, expect, it } from 'vitest';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { admin, ask, database, useAccounts } from '../support/accounts.ts';
import { plainJob, setSubmittedAt, storeJobs } from '../support/diary.ts';
import { failed, joinWorker, newJob, succeeded } from '../support/jobs.ts';

useAccounts();

interface Item {
  id: number;
  name: string;
  state: string;
}

const names: Record<string, string> = {};

/** One job of each sort, a minute apart; the first is the oldest. */
beforeEach(async () => {
  const { db } = database;
  await db.query(`insert into queues (name) values ('big')`);
  const store = createJobStore(db);
  const worker = await joinWorker(database.db, { name: 'east', queues: ['default', 'big'] });
  const add = async (name: string, change: Parameters<typeof newJob>[0] = {}): Promise<void> => {
    await store.submit([newJob({ name, ...change })]);
  };
  await add('ok', { owner: 'bo', project: '3001' });
  await add('bad', { queue: 'big' });
  await store.finish((await worker.claim()).map((job) => (job.name === 'ok' ? succeeded(job) : failed(job))));
  await add('runs', { project: '3002' });
  await worker.claim();
  await add('later', { state: 'scheduled', runAt: '2999-01-01T00:00:00Z' });
  await add('waits', { queue: 'big' });
  await add('gone', { kind: 'other' });
  const ids = await db.query<{ id: number; name: string }>('select id, name from jobs');
  for (const { id, name } of ids) names[id] = name;
  const gone = ids.find(({ name }) => name === 'gone');
  await store.cancel([gone?.id ?? 0], 'ana');
  await setSubmittedAt(db, `'2026-01-01T00:00:00Z'::timestamptz + j.id * interval '1 minute'`);
});

async function list(query: string): Promise<string[]> {
  const { status, body } = await ask('GET', `/jobs?${query}`, admin);
  expect({ status, body }).toMatchObject({ status: 200 });
  return body.items.map(({ name }: Item) => name);
}

describe('the list', () => {
  it.each([
    ['', ['gone', 'waits', 'later', 'runs', 'bad', 'ok']],
    ['order=oldest', ['ok', 'bad', 'runs', 'later', 'waits', 'gone']],
    ['state=running', ['runs']],
    ['state=succeeded,failed', ['bad', 'ok']],
    ['state=live', ['waits', 'later', 'runs']],
    ['state=ended', ['gone', 'bad', 'ok']],
    ['state=ended,running', ['gone', 'runs', 'bad', 'ok']],
    ['kind=other', ['gone']],
    ['queue=big', ['waits', 'bad']],
    ['owner=bo', ['ok']],
    ['project=3002', ['runs']],
    ['worker=east', ['runs', 'bad', 'ok']],
    ['worker=west', []],
    ['owner=ana&state=ended&queue=big', ['bad']],
    ['since=2026-01-01T00:05:00Z', ['gone', 'waits']],
    ['until=2026-01-01T00:02:00Z', ['ok']],
    ['since=2026-01-01T01:02:00%2B01:00&until=2026-01-01T00:04:00Z', ['runs', 'bad']],
    ['owner=%25', []],
    [`owner=${encodeURIComponent(`' or true --`)}`, []],
    [
      'since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59Z&limit=500',
      ['gone', 'waits', 'later', 'runs', 'bad', 'ok'],
    ],
    ['since=0000-01-01T00:00:00Z', ['gone', 'waits', 'later', 'runs', 'bad', 'ok']],
  ])('with "%s" has %j', async (query, expected) => {
    expect(await list(query)).toEqual(expected);
  });

  it.each([
    ['state=dancing', 'state', /live or ended, got "dancing"/],
    ['state=running&state=failed', 'state', /expected text/],
    ['order=random', 'order', /newest/],
    ['limit=0', 'limit', /1/],
    ['limit=501', 'limit', /500/],
    ['limit=many', 'limit', /number/],
    ['limit=1.5', 'limit', /whole number/],
    ['since=yesterday', 'since', /date/i],
    ['until=2026-13-01T00:00:00Z', 'until', /date/i],
    ['colour=red', 'colour', /no such field/],
    ['cursor=abc', 'cursor', /earlier page/],
    ['cursor=', 'cursor', /earlier page/],
    ['cursor=1-2-3', 'cursor', /earlier page/],
    [`cursor=${'9'.repeat(30)}-1`, 'cursor', /earlier page/],
  ])('with "%s" is refused and says what was expected of %s', async (query, field, message) => {
    const { status, body } = await ask('GET', `/jobs?${query}`, admin);
    expect([status, body.code]).toEqual([400, 'invalid_input']);
    expect(body.details).toContainEqual({ field, message: expect.stringMatching(message) });
  });

  it.each(['99999999999999999-1', '-99999999999999999-1'])(
    'takes the far cursor %s for an end',
    async (cursor) => {
      expect((await ask('GET', `/jobs?cursor=${cursor}`, admin)).status).toBe(200);
    },
  );
});

describe('paging', () => {
  const add = (name: string): Promise<unknown> =>
    storeJobs(database.db, [{ ...plainJob, name, submittedAt: new Date() }]);

  it.each(['newest', 'oldest'])('from the %s on shows every job once, though more come in', async (order) => {
    const seen: number[] = [];
    let cursor: string | null = '';
    for (let page = 0; cursor !== null && page < 20; page += 1) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await ask('GET', `/jobs?order=${order}&limit=2${query}`, admin);
      expect(body.items.length).toBeLessThanOrEqual(2);
      seen.push(...body.items.map(({ id }: Item) => id));
      cursor = body.cursor;
      if (page < 2) await add(`new ${page}`);
    }
    const old = seen.filter((id) => names[id] !== undefined && id <= 6);
    expect(old).toEqual(order === 'newest' ? [6, 5, 4, 3, 2, 1] : [1, 2, 3, 4, 5, 6]);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toHaveLength(order === 'newest' ? 6 : 8);
  });

  it('tells jobs of one moment apart, and a full last page has no cursor', async () => {
    await setSubmittedAt(database.db, `'2026-01-01T00:00:00.123456Z'`);
    const first = (await ask('GET', '/jobs?limit=3', admin)).body;
    const second = (await ask('GET', `/jobs?limit=3&cursor=${first.cursor}`, admin)).body;
    expect([...first.items, ...second.items].map(({ id }: Item) => id)).toEqual([6, 5, 4, 3, 2, 1]);
    expect(second.cursor).toBeNull();
  });
});

it('stats count jobs by state and queue', async () => {
  const { body } = await ask('GET', '/stats', admin);
  expect(body.states).toEqual({ succeeded: 1, failed: 1, running: 1, scheduled: 1, queued: 1, cancelled: 1 });
  expect(body.queues).toContainEqual({ queue: 'big', state: 'queued', count: 1 });
  expect(body.queues).toHaveLength(6);
});
