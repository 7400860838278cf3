import { describe, expect, it } from 'vitest';
import { addUser, admin, app, ask, database, useAccounts, type Headers } from '../support/accounts.ts';
import { plainJob, storeJobs } from '../support/diary.ts';

useAccounts();

async function exported(query: string, headers: Headers = admin) {
  const answer = await app.inject({ url: `/api/v1/jobs/export?${query}`, headers });
  const [head = '', ...rows] = answer.body.split('\r\n').slice(0, -1);
  return { answer, head, rows };
}

describe('an export', () => {
  it('is a file of all jobs that fit, with the asked columns in the asked order', async () => {
    await storeJobs(database.db, [
      { ...plainJob, name: 'first, "quoted"', tags: ['a', 'b'] },
      { ...plainJob, name: '=HYPERLINK("http://x")' },
      { ...plainJob, owner: 'bo' },
    ]);
    const { answer, head, rows } = await exported('q=owner:ana&columns=name,id,tags');
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(answer.headers['content-disposition']).toMatch(
      /^attachment; filename="daybook-\d{4}-\d\d-\d\d\.csv"$/,
    );
    expect(head).toBe('name,id,tags');
    expect(rows.toSorted()).toEqual(['"\'=HYPERLINK(""http://x"")",2,', '"first, ""quoted""",1,"a, b"']);
  });

  it('goes on over all pages', async () => {
    await storeJobs(
      database.db,
      Array.from({ length: 1_201 }, () => plainJob),
    );
    const { head, rows } = await exported('columns=id');
    expect(head).toBe('id');
    expect(new Set(rows).size).toBe(1_201);
  });

  it('begins with a byte order mark for spreadsheets that need one, and only then', async () => {
    const vera = await addUser('vera', 'viewer');
    const bytesOf = async (query: string): Promise<Buffer> =>
      (await app.inject({ method: 'GET', url: `/api/v1/jobs/export?columns=id${query}`, headers: vera }))
        .rawPayload;
    expect([...(await bytesOf('&bom=1'))]).toEqual([0xef, 0xbb, 0xbf, ...Buffer.from('id\r\n')]);
    expect([...(await bytesOf(''))]).toEqual([...Buffer.from('id\r\n')]);
  });

  it('leaves out what is obsolete when a filter is given, and nothing without one', async () => {
    await storeJobs(database.db, [plainJob, { ...plainJob, assessment: 'obsolete' }]);
    expect((await exported('q=&columns=id')).rows).toEqual(['1']);
    expect((await exported('columns=id')).rows.toSorted()).toEqual(['1', '2']);
    expect((await exported('state=failed&columns=id')).rows).toEqual([]);
  });

  it('of what cannot be read is refused before a byte is sent', async () => {
    const vera = await addUser('vera', 'viewer');
    expect((await ask('GET', '/jobs/export?q=stat:x', vera)).body).toMatchObject({ code: 'invalid_input' });
    expect((await ask('GET', '/jobs/export?columns=id,nmae', vera)).body).toMatchObject({
      code: 'invalid_input',
      details: [{ field: 'columns', message: expect.stringContaining('got "nmae"') }],
    });
  });
});
