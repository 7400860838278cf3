import { beforeEach, describe, expect, it } from 'vitest';
import { admin, ask, database, useAccounts } from '../support/accounts.ts';
import { plainJob, storeJobs } from '../support/diary.ts';

useAccounts();

beforeEach(async () => {
  await storeJobs(database.db, [
    { ...plainJob, name: 'crash_01.dyn', owner: 'bo', project: '3001234' },
    { ...plainJob, name: 'wing', assessment: 'obsolete', analysis: 'done' },
    {
      ...plainJob,
      name: 'wing two',
      state: 'failed',
      reason: 'exit',
      endedAt: new Date('2026-11-02T00:00:00Z'),
    },
    { ...plainJob, name: 'late wing', submittedAt: new Date('2026-11-05T00:00:00Z'), input: { case: 'A3' } },
  ]);
});

async function find(query: string): Promise<string[]> {
  const { status, body } = await ask('GET', `/jobs?${query}`, admin);
  expect({ status, body }).toMatchObject({ status: 200 });
  return body.items.map(({ name }: { name: string }) => name);
}

const q = (text: string): string => `q=${encodeURIComponent(text)}`;

describe('a list with a filter', () => {
  it.each([
    [q('wing'), ['late wing', 'wing two']],
    [q('WIN -two'), ['late wing']],
    [q('wing obsolete'), ['wing']],
    [q('wing show:obsolete'), ['late wing', 'wing two', 'wing']],
    [q('dyn user:BO'), ['crash_01.dyn']],
    [q('args.case:a3'), ['late wing']],
    [q('fail'), ['wing two']],
    [q('submitted:>=2026-11-02'), ['late wing']],
    [q(''), ['late wing', 'wing two', 'crash_01.dyn']],
    ['', ['late wing', 'wing two', 'wing', 'crash_01.dyn']],
    [`${q('wing')}&state=queued&order=oldest`, ['late wing']],
    [`${q('show:obsolete')}&order=oldest&owner=ana&until=2026-11-03T00:00:00Z`, ['wing', 'wing two']],
  ])('%s finds %j', async (query, names) => {
    expect(await find(query)).toEqual(names);
  });

  it('is paged by its cursor', async () => {
    const first = (await ask('GET', `/jobs?${q('wing show:obsolete')}&limit=2`, admin)).body;
    expect([first.items.length, first.searchedBackTo]).toEqual([2, null]);
    const next = await ask('GET', `/jobs?${q('wing show:obsolete')}&limit=2&cursor=${first.cursor}`, admin);
    expect(next.body).toMatchObject({ items: [{ name: 'wing' }], cursor: null, searchedBackTo: null });
  });

  it('that cannot be read is refused with where, the nearest key and an example', async () => {
    const { status, body } = await ask('GET', `/jobs?${q('wing stat:failed')}`, admin);
    expect([status, body.code]).toEqual([400, 'invalid_input']);
    expect(body.details).toEqual([
      { field: 'q', message: expect.stringMatching(/position 6.*did you mean state, as in state:failed/) },
    ]);
  });
});
