import { beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/cli/test-context.ts';
import { app, database, useAccounts } from '../support/accounts.ts';
import { plainJob, storeJobs } from '../support/diary.ts';

useAccounts();

let env: Record<string, string> = {};

beforeEach(async () => {
  await database.db.query('truncate jobs, views restart identity cascade');
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
    const { code, stderr } = await run('jobs', 'stat:failed');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/did you mean state/)]);
  });
});

describe('daybook view', () => {
  it('keeps, lists and removes filters', async () => {
    expect((await run('view', 'set', '--shared', 'inbox', 'is:ended', '-analysis:*')).code).not.toBe(0);
    expect((await run('view', 'set', '--shared', 'inbox', '--', 'is:ended', '-analysis:*')).stdout).toContain(
      'is:ended -analysis:*',
    );
    expect((await run('views')).stdout).toMatch(/inbox +admin +yes +is:ended -analysis:\*/);
    expect((await run('view', 'remove', 'inbox')).stdout).toContain('is removed');
    expect((await run('view', 'list', '--json')).stdout).toContain('"items":[]');
  });
});

describe('daybook bulk', () => {
  it('says what it would touch, and acts with --yes only', async () => {
    const told = await run('bulk', 'cancel', 'wing');
    expect(told.stdout).toMatch(
      /finds 1 jobs, the newest:\n +2 +queued +wing\nNothing was touched; --yes does it\./,
    );
    expect((await run('bulk', 'cancel', '--dry-run', '--yes', 'wing')).stdout).not.toContain('--yes');
    expect((await run('jobs', 'state:cancelled')).stdout).toBe('');
    expect((await run('bulk', 'cancel', '--yes', 'wing')).stdout).toContain('1 of 1 jobs changed.');
    expect((await run('bulk', 'cancel', '--yes', 'wing')).stdout).toContain(
      '1 left alone, as each has ended already (2)',
    );
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
