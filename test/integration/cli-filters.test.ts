import { beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/surfaces/cli/test-context.ts';
import { app, database, useAccounts } from '../support/accounts.ts';
import { plainJob, storeJobs } from '../support/diary.ts';

useAccounts();

let env: Record<string, string> = {};

beforeEach(async () => {
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  env = { DAYBOOK_URL: url, DAYBOOK_USER: 'admin', DAYBOOK_PASSWORD: 'admin password' };
  await storeJobs(database.db, [
    { ...plainJob, name: 'crash_01.dyn' },
    { ...plainJob, name: 'wing', owner: 'bo', tags: ['night'] },
  ]);
});

const run = (...args: string[]): ReturnType<typeof runCommand> => runCommand(args, { env });

describe('daybook jobs with a filter', () => {
  it('lists what it finds', async () => {
    const { code, stdout } = await run('jobs', 'cra', 'owner:ana');
    expect([code, stdout]).toEqual([0, expect.stringContaining('crash_01.dyn')]);
    expect(stdout).not.toContain('wing');
    expect((await run('jobs', '--', '-owner:ana')).stdout).toContain('wing');
  });

  it('says what is wrong with it', async () => {
    const { code, stderr } = await run('jobs', 'wing', 'stat:failed');
    expect([code, stderr]).toEqual([
      2,
      'daybook: The filter cannot be read.\n  wing stat:failed\n       ^\n  there is no key "stat"; did you mean state, as in state:failed,cancelled? A word with a colon goes in quotation marks.\n',
    ]);
    expect((await run('bulk', 'cancel', '--yes', 'wing', 'id:x')).stderr).toContain(
      '\n  wing id:x\n          ^\n',
    );
    expect((await run('find', 'x', '-f', 'state:runing')).stderr).toContain('did you mean running?');
  });
});

describe('daybook view', () => {
  it('keeps, lists and removes filters', async () => {
    expect((await run('view', 'set', '--shared', 'inbox', 'is:ended', '-analysis:*')).code).not.toBe(0);
    expect((await run('view', 'set', '--shared', 'inbox', '--', 'is:ended', '-analysis:*')).stdout).toContain(
      'is:ended -analysis:*',
    );
    expect((await run('views')).stdout).toMatch(/inbox +admin +yes +is:ended -analysis:\*/);
    await run('view', 'set', 'wings', 'wing');
    const wings = await run('jobs', '--view', 'Wings');
    expect([wings.code, wings.stdout]).toEqual([0, expect.stringMatching(/^ +2 +queued +wing /m)]);
    expect(wings.stdout).not.toContain('crash');
    expect((await run('jobs', '--view', 'wings', 'owner:ana')).stderr).toBe('No such jobs.\n');
    const none = await run('jobs', '--view', 'none');
    expect([none.code, none.stderr]).toEqual([
      4,
      expect.stringContaining('no view "none"; there are: inbox, wings'),
    ]);
    await run('view', 'remove', 'wings');
    expect((await run('view', 'remove', 'inbox')).stdout).toContain('is removed');
    expect((await run('view', 'list', '--json')).stdout).toContain('"items":[]');
  });
});

describe('daybook bulk', () => {
  it('says what it would touch, and acts with --yes only', async () => {
    const told = await run('bulk', 'cancel', 'wing');
    expect(told.stdout).toMatch(
      /1 job fit; those that have not ended would be cancelled:\n +2 +queued +wing\nNothing was touched; --yes does it\./,
    );
    expect((await run('bulk', 'cancel', '--dry-run', '--yes', 'wing')).stdout).not.toContain('--yes');
    expect((await run('jobs', 'state:cancelled')).stdout).toBe('');
    expect((await run('bulk', 'cancel', '--yes', 'wing')).stdout).toContain('1 of 1 job cancelled.');
    expect((await run('bulk', 'cancel', '--yes', 'wing')).stdout).toContain(
      '1 left alone, as each has ended already (2)',
    );
  });

  it('cancels with a reason, and refuses a grace that is no time', async () => {
    await run('bulk', 'cancel', '--yes', '--reason', 'no licence', 'wing');
    expect((await run('jobs', '--json', 'state:cancelled')).stdout).toContain(
      'Cancelled by admin: no licence',
    );
    const refused = await run('cancel', '1', '--grace', 'soon');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--grace is "soon"')]);
  });

  it('tags and assesses', async () => {
    await run('bulk', 'tag', '--yes', '--tag', 'seen,today', 'crash');
    await run('bulk', 'untag', '--yes', '--tag', 'night', 'wing');
    await run('bulk', 'assess', '--yes', '--assessment', 'obsolete', 'wing');
    expect((await run('jobs', 'tag:seen', 'tag:today')).stdout).toContain('crash_01.dyn');
    expect((await run('jobs', 'obsolete', '--', '-tag:night')).stdout).toContain('wing');
  });

  it.each([
    [['explode', 'x'], /expected cancel, retry/],
    [['tag', 'x'], /needs --tag/],
  ])('%j is refused', async (args, message) => {
    const { code, stderr } = await run('bulk', ...args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

describe('daybook jobs --csv', () => {
  it('prints every job of the filter with all columns', async () => {
    const { code, stdout } = await run('jobs', '--csv', 'wing');
    const [head, ...rows] = stdout.trimEnd().split('\r\n');
    expect([code, rows.length]).toEqual([0, 1]);
    expect(head).toMatch(/^id,state,/);
    expect(rows[0]).toMatch(/^\d+,queued,.*wing/);
  });
});

describe('daybook events', () => {
  it('of a job tells its history: who changed what, and what stood there before', async () => {
    await run('edit', '2', '--info', 'first wing');
    await run('edit', '2', '--info', 'second wing', '--assessment', 'ok');
    const { code, stdout } = await run('events', '2');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /changed {2}by admin\n {2}info: none → first wing\n.*changed {2}by admin\n {2}info: first wing → second wing\n {2}assessment: none → ok\n$/,
    );
    expect(JSON.parse((await run('events', '2', '--json')).stdout)).toMatchObject({
      items: [{ name: 'changed', actor: 'admin' }, { name: 'changed' }],
    });
    expect((await run('events', '999')).code).toBe(4);
  });
});
