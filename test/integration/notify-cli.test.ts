import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NotificationRule } from '../../src/contract/notification.ts';
import { adminPassword } from '../support/admin.ts';
import { runCommand, type CommandResult } from '../support/cli.ts';
import { pollUntil } from '../support/poll.ts';
import { startMailServer, startReceiver } from '../support/receivers.ts';
import { startServer, type TestServer } from '../support/server.ts';

const path = '/api/v1/notification-rules';

describe('daybook notify', { timeout: 60_000 }, () => {
  let server: TestServer;
  let mail: Awaited<ReturnType<typeof startMailServer>>;
  let hook: Awaited<ReturnType<typeof startReceiver>>;

  const as = (user: string, password: string, args: readonly string[], input = ''): Promise<CommandResult> =>
    runCommand(
      ['notify', ...args],
      { DAYBOOK_URL: server.url, DAYBOOK_USER: user, DAYBOOK_PASSWORD: password },
      { input },
    );
  const notify = (...args: string[]): Promise<CommandResult> => as('admin', adminPassword, args);
  const read = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await notify(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  };
  const rules = async (): Promise<NotificationRule[]> =>
    (await server.call('GET', path)).json<{ items: NotificationRule[] }>().items;

  beforeAll(async () => {
    mail = await startMailServer();
    hook = await startReceiver();
    server = await startServer({ DAYBOOK_SMTP_URL: mail.url, DAYBOOK_MAIL_FROM: 'lab@lab.example' });
    await server.call('POST', '/api/v1/users', { name: 'bo', role: 'member', password: 'a long password' });
  });
  afterAll(() => Promise.all([mail?.close(), hook?.close(), server?.close()]));
  beforeEach(async () => {
    for (const { id } of await rules()) await server.call('DELETE', `${path}/${id}`);
    mail.mails.length = 0;
    mail.refuse = null;
    hook.posts.length = 0;
    hook.status = 204;
  });

  it('makes, lists, shows, changes, pauses, resumes and removes rules', async () => {
    const made = await read(
      'add',
      'solver',
      'kind:script',
      'args.script:solve.sh',
      '--on',
      'first_failure,recovered',
      '--email',
      'ana@lab.example',
      '--email',
      'bo@lab.example',
      '--digest',
      '1h',
      '--paused',
    );
    expect(made).toMatch(
      /^ *\d+ {2}solver {2}paused {2}first_failure, recovered {2}ana@lab.example, bo@lab.example {2}admin {2}kind:script args.script:solve.sh$/m,
    );
    const [stored] = await rules();
    expect(stored).toMatchObject({
      name: 'solver',
      filter: 'kind:script args.script:solve.sh',
      events: ['first_failure', 'recovered'],
      channel: { type: 'email', to: ['ana@lab.example', 'bo@lab.example'] },
      digestMinutes: 60,
      paused: true,
    });
    expect(JSON.parse(await read('list', '--json'))).toMatchObject({ items: [stored] });
    expect(await read('resume', 'SOLVER')).toContain('  on  ');
    await read(
      'change',
      'solver',
      '--on',
      'stuck',
      '--stuck',
      '2h',
      '--digest',
      'none',
      '--filter',
      '',
      '--webhook',
      hook.url,
      '--rename',
      'still',
    );
    const shown = await read('show', String(stored?.id));
    const [changed] = await rules();
    expect(changed).toMatchObject({ name: 'still', digestMinutes: 0, stuckMinutes: 120, paused: false });
    expect(shown).toMatch(/^Jobs +every job$/m);
    expect(shown).toMatch(/^Stuck +silent for 2 h$/m);
    expect(shown).toContain(String(changed?.signingKey));
    expect(shown).toContain('{{job.url}}');
    expect(JSON.parse(await read('pause', 'still', '--json'))).toMatchObject({ paused: true });
    expect(await read('remove', 'still')).toBe('Rule "still" is removed.\n');
    expect(await notify()).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'There is no rule: nobody is told of anything.\n',
    });
  });

  it('previews the template of a rule, one from standard input, and says which name nobody knows', async () => {
    await read('add', 'mine', '--on', 'failed', '--email', 'ana@lab.example', '--subject', 'Look: {{event}}');
    expect(await read('preview', 'mine')).toMatch(/^Look: failed\nJob 0 /);
    const other = await as(
      'admin',
      adminPassword,
      ['preview', 'mine', '--on', 'lost', '--body', '-'],
      '{{job.owner}} has lost it.\n',
    );
    expect(other).toMatchObject({ code: 0, stdout: 'Look: lost\nsomebody has lost it.\n' });
    expect(JSON.parse(await read('preview', '--json'))).toMatchObject({ jobId: null });
    const wrong = await notify('preview', 'mine', '--subject', '{{job.colour}}');
    expect(wrong).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('nobody knows {{job.colour}}'),
    });
  });

  it('sends a test, prints what the receiver answered, and fails when it was not taken', async () => {
    await read('add', 'mine', '--on', 'failed', '--email', 'ana@lab.example');
    expect(await read('test', 'mine')).toMatch(
      / sent +1 {2}ana@lab\.example {2}Test: \[Daybook\] .* {2}250 /,
    );
    expect(mail.mails).toHaveLength(1);
    mail.refuse = { code: 550, message: 'no such mailbox' };
    expect(await notify('test', 'mine')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/ failed +1 .*no such mailbox/),
    });
    await read('change', 'mine', '--webhook', hook.url);
    hook.status = 503;
    const later = await notify('test', 'mine', '--json');
    expect(later.code).toBe(1);
    expect(JSON.parse(later.stdout)).toMatchObject({ items: [{ state: 'pending', tries: 1 }] });
    expect(hook.posts).toHaveLength(1);

    expect((await read('deliveries', 'mine')).trim().split('\n')).toHaveLength(4);
    const refused = JSON.parse(await read('deliveries', 'mine', '--failed', '--json')) as {
      items: { state: string }[];
    };
    expect(refused.items.map(({ state }) => state)).toEqual(['pending', 'failed']);
    expect((await read('deliveries', 'mine', '--limit', '1')).trim().split('\n')).toHaveLength(2);
  });

  it('lists what was sent of jobs, and unsubscribes who has the link of the mail', async () => {
    await read('add', 'mine', 'name:"Wing 7"', '--on', 'failed', '--email', 'ana@lab.example');
    await server.call('POST', '/api/v1/jobs', {
      kind: 'script',
      name: 'Wing 7',
      input: { script: 'ls.sh', arguments: [['', '/nowhere']] },
    });
    const text = await pollUntil(
      async () => mail.mails[0]?.text,
      (found) => found !== undefined,
      { deadlineMs: 30_000 },
    );
    await pollUntil(
      () => read('deliveries', 'mine'),
      (listed) => / sent +1 {2}ana@lab\.example {2}\[Daybook\] Wing 7: failed {2}250 /.test(listed),
    );
    expect((await notify('deliveries', 'mine', '--failed')).stderr).toBe('Everything was taken.\n');

    const link = /^List-Unsubscribe: *<([^>]+)>/m.exec(text?.replaceAll(/\r\n[ \t]+/g, '') ?? '')?.[1] ?? '';
    const stranger = (given: string, ...more: string[]): Promise<CommandResult> =>
      runCommand(['notify', 'unsubscribe', given, ...more], { DAYBOOK_URL: server.url });
    expect(await stranger(`${link}x`)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('not one of ours'),
    });
    expect(await stranger(link)).toMatchObject({
      code: 0,
      stderr: 'ana@lab.example gets no more mail of "mine".\n',
    });
    // Again is as good as once; the token alone does, too.
    const token = new URL(link).searchParams.get('token') ?? '';
    expect(JSON.parse((await stranger(token, '--json')).stdout)).toEqual({
      address: 'ana@lab.example',
      rule: 'mine',
    });
    const before = mail.mails.length;
    expect(await notify('test', 'mine')).toMatchObject({
      code: 1,
      stderr: 'Nothing was sent: all receivers have unsubscribed.\n',
    });
    expect(mail.mails).toHaveLength(before);
  });

  it('shows members their own rules alone, and operators whose is which', async () => {
    const bo = (...args: string[]): Promise<CommandResult> => as('bo', 'a long password', args);
    await read('add', 'mine', '--on', 'failed', '--webhook', hook.url);
    const alike = ['add', 'mine', '--on', 'ended', '--email', 'bo@lab.example'];
    expect((await bo(...alike)).code).toBe(0);
    expect(await bo(...alike)).toMatchObject({ code: 1, stderr: expect.stringContaining('already') });
    expect((await bo('list')).stdout).not.toContain(hook.url);
    expect(await bo('change', 'mine', '--webhook', hook.url)).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('operators'),
    });
    const several = await notify('pause', 'mine');
    expect(several).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/\d+ "mine" of admin, \d+ "mine" of bo/),
    });
    const other = (await rules()).find(({ owner }) => owner === 'bo');
    expect((await notify('pause', String(other?.id))).code).toBe(0);
    expect((await rules()).map(({ owner, paused }) => `${owner} ${paused}`).sort()).toEqual([
      'admin false',
      'bo true',
    ]);
  });

  it('says what is wrong before it asks the server', async () => {
    const refused = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await notify(...args);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await refused('add', 'x', '--email', 'a@lab.example')).toContain('--on');
    expect(await refused('add', 'x', '--on', 'failed')).toContain('--email');
    expect(await refused('add', 'x', '--on', 'fail', '--email', 'a@lab.example')).toContain('first_failure');
    expect(
      await refused('add', 'x', '--on', 'lost', '--email', 'a@lab.example', '--webhook', hook.url),
    ).toContain('one way');
    expect(await refused('change', 'x')).toContain('What is to change?');
    expect(await refused('change', 'x', '--digest', '90s')).toContain('whole minutes');
    expect(await refused('change', 'x', '--disk-below', 'much')).toContain('GiB');
    expect(await notify('show', 'nowhere')).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('there are: none'),
    });
    expect(await rules()).toEqual([]);
  });
});
