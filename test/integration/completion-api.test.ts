import { beforeEach, describe, expect, it } from 'vitest';
import { admin, ask, database, useAccounts } from '../support/accounts.ts';
import { plainJob, storeJobs } from '../support/diary.ts';

useAccounts();

beforeEach(async () => {
  await storeJobs(database.db, [
    {
      ...plainJob,
      owner: 'ana',
      project: '3001234',
      tags: ['night', 'Release 1'],
      input: { case: 'A3', cast: { iron: 1 } },
    },
    { ...plainJob, owner: 'bo', project: '3001299', needs: ['gpu'], worker: 'east', input: { case: 'B4' } },
    { ...plainJob, owner: 'bo', project: '4001111', input: { case: 'A3', arguments: [['--mode', 'fast']] } },
  ]);
});

async function complete(q: string, at?: number): Promise<{ from: number; to: number; texts: string[] }> {
  const query = `q=${encodeURIComponent(q)}${at === undefined ? '' : `&at=${at}`}`;
  const { status, body } = await ask('GET', `/jobs/complete?${query}`, admin);
  expect({ status, body }).toMatchObject({ status: 200 });
  return { from: body.from, to: body.to, texts: body.items.map(({ text }: { text: string }) => text) };
}

describe('the completion of a filter', () => {
  it.each<[string, number, string[]]>([
    ['pro', 0, ['project:']],
    ['crash -sta', 7, ['state:', 'started:']],
    ['state:fa', 6, ['failed']],
    ['state:failed,ca', 13, ['cancelled']],
    ['assessment:n', 11, ['"not ok"', 'nok']],
    ['submitted:y', 10, ['yesterday']],
    ['owner:', 6, ['bo', 'ana']],
    ['project:3001', 8, ['3001234', '3001299']],
    ['owner:bo project:3001', 17, ['3001299']],
    ['tag:', 4, ['"Release 1"', 'night']],
    ['tag:"rel', 4, ['"Release 1"']],
    ['label:g', 6, ['gpu']],
    ['worker:', 7, ['east']],
    ['args.ca', 0, ['args.case:', 'args.cast.iron:']],
    ['args.case:', 10, ['A3', 'B4']],
    ['args.mode:f', 10, ['fast']],
    ['stat:x owner:a', 13, ['ana']],
    ['id:', 3, []],
    ['"cra', 0, []],
  ])('%s: from %i on %j', async (q, from, texts) => {
    expect(await complete(q)).toEqual({ from, to: q.length, texts });
  });

  it('looks at the cursor, wherever it stands', async () => {
    expect(await complete('owner:b project:3001234', 7)).toEqual({ from: 6, to: 7, texts: [] });
    expect(await complete('owner:a project:3001234', 7)).toEqual({ from: 6, to: 7, texts: ['ana'] });
    expect((await complete('', 0)).texts).toContain('state:');
  });
});
