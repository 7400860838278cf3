import { describe, expect, it } from 'vitest';
import { addUser, admin, ask, useAccounts, type Headers } from '../support/accounts.ts';

useAccounts();

const submitOf = (env: object) => ({ kind: 'script', input: { script: 'a.sh' }, env });
const scheduleOf = (env: object) => ({
  name: 'nightly',
  cron: '@daily',
  timezone: 'UTC',
  submit: submitOf(env),
});
const attack = { BASH_ENV: '$(id >&2)', PERL5OPT: '-Mevil', KEY: 'fine' };
const refused = {
  status: 400,
  body: {
    code: 'invalid_input',
    details: [
      { field: 'env.BASH_ENV', message: expect.stringContaining('DAYBOOK_JOB_VARIABLES') },
      { field: 'env.PERL5OPT' },
    ],
  },
};

async function jobs(): Promise<unknown[]> {
  return (await ask('GET', '/jobs', admin)).body.items;
}

async function tokenOf(headers: Headers, scope: string): Promise<Headers> {
  const { body } = await ask('POST', '/tokens', headers, { name: scope, scopes: [scope] });
  return { authorization: `Bearer ${body.secret}` };
}

describe('a variable by which other programs run what it says', () => {
  it('is refused to a member by the name of its field, also for a secret, and nothing is stored', async () => {
    const ana = await addUser('ana');
    expect(await ask('POST', '/jobs', ana, submitOf(attack))).toMatchObject(refused);
    const secret = await ask('POST', '/jobs', ana, submitOf({ NODE_OPTIONS: { secret: 'x' } }));
    expect(secret.body.details[0].field).toBe('env.NODE_OPTIONS');
    expect(await jobs()).toEqual([]);
    expect((await ask('POST', '/jobs', ana, submitOf({ KEY: 'fine', JOB_LEVEL: '9' }))).status).toBe(201);
  });

  it('is refused in schedules as well, and when a job of somebody who may is run again', async () => {
    const ana = await addUser('ana');
    const { status, body } = await ask('POST', '/schedules', ana, scheduleOf(attack));
    expect([status, body.details[0].field]).toEqual([400, 'submit.env.BASH_ENV']);
    const { body: job } = await ask('POST', '/jobs', admin, submitOf(attack));
    expect(await ask('POST', `/jobs/${job.id}/again`, ana, { as: 'it-is' })).toMatchObject(refused);
    expect(await jobs()).toHaveLength(1);
  });

  it('is free to whoever may write scripts, but not to a token that may only submit', async () => {
    const olga = await addUser('olga', 'operator');
    expect((await ask('POST', '/jobs', olga, submitOf(attack))).status).toBe(201);
    expect((await ask('POST', '/schedules', olga, scheduleOf(attack))).status).toBe(201);
    const token = await tokenOf(olga, 'submit');
    expect(await ask('POST', '/jobs', token, submitOf(attack))).toMatchObject(refused);
    const [job] = (await jobs()) as { id: number }[];
    expect(await ask('POST', `/jobs/${job?.id}/again`, token, { as: 'it-is' })).toMatchObject(refused);
  });

  it('of a schedule whose owner may write scripts no longer is refused when it is due', async () => {
    const olga = await addUser('olga', 'operator');
    await ask('POST', '/schedules', olga, scheduleOf(attack));
    await ask('PATCH', '/users/olga', admin, { role: 'member' });
    await ask('POST', '/schedules/nightly/run', admin);
    expect(await jobs()).toEqual([]);
    const [run] = (await ask('GET', '/schedules/nightly/runs', admin)).body.items;
    expect(run.message).toContain('BASH_ENV');
  });
});
