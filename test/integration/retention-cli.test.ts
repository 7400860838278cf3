import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { runCommand, type CommandResult } from '../support/cli.ts';
import { startServer, type TestServer } from '../support/server.ts';

describe('daybook retention', () => {
  let server: TestServer;
  const daybook = (...args: string[]): Promise<CommandResult> =>
    runCommand(args, {
      DAYBOOK_URL: server.url,
      DAYBOOK_USER: 'admin',
      DAYBOOK_PASSWORD: adminPassword,
    });

  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.close());

  it('previews, announces, changes, lists and removes a rule', { timeout: 60_000 }, async () => {
    const ago = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();
    const lines = [1, 2].map((id) =>
      JSON.stringify({
        source: 'lab',
        id: String(id),
        name: `old run ${id}`,
        owner: 'ana',
        submittedAt: ago(101),
        endedAt: ago(100),
        state: 'succeeded',
        stdout: 'converged\n',
      }),
    );
    const answer = await server.call('POST', '/api/v1/import', lines.join('\n'), {
      'content-type': 'application/x-ndjson',
    });
    expect(answer.text).toContain('added');
    const preview = await daybook(
      'retention',
      'preview',
      'owner:ana',
      '--older-than',
      '90d',
      '--removes',
      'job',
    );
    expect(preview).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^2 jobs would go now, 20 B of output\.$/m),
    });
    expect(preview.stdout).toContain('old run 1');
    const made = await daybook(
      'retention',
      'add',
      'old ones',
      'owner:ana',
      '--older-than',
      '90d',
      '--removes',
      'job',
    );
    expect(made.stdout).toMatch(
      /^Rule "old ones" removes jobs that ended more than 90 days ago, from \d{4}-\d\d-\d\d \d\d:\d\d:\d\d on\.$/m,
    );
    expect((await daybook('retention', 'change', 'OLD ones', '--off')).stdout).toContain('is switched off');
    expect((await daybook('retention')).stdout).toMatch(/^old ones +job +90 d +off +- +- +- +- +owner:ana$/m);
    expect((await daybook('retention', 'remove', 'old ones')).stdout).toBe('Rule "old ones" is removed.\n');
    expect((await daybook('retention', 'list')).stderr).toContain(
      'There are no rules: nothing goes by itself.',
    );
    expect(
      (await server.call('GET', '/api/v1/jobs?owner=ana')).json<{ items: unknown[] }>().items,
    ).toHaveLength(2);
  });

  it('says what is wrong before it asks the server', async () => {
    const refused = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await daybook('retention', ...args);
      expect(code).not.toBe(0);
      return stderr;
    };
    expect(await refused('preview', '--removes', 'job')).toContain('--older-than');
    expect(await refused('preview', '--older-than', '36h', '--removes', 'job')).toContain('whole days');
    expect(await refused('preview', '--older-than', '90d', '--removes', 'all')).toContain(
      'expected job, output, files',
    );
    expect(await refused('preview', 'stat:failed', '--older-than', '90d', '--removes', 'job')).toContain(
      'state',
    );
    expect(await refused('remove', 'no such rule')).toContain('there are: none');
  });
});
