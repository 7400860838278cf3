import { lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { basic, type Headers } from '../support/accounts.ts';
import { canMount } from '../support/faults/small-disk.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { requireService } from '../support/services.ts';

const canSeparate = requireService(
  'another user, and a mount namespace (root with CAP_SYS_ADMIN)',
  process.getuid?.() === 0 && canMount(),
);
const password = 'a password of a member';

let server: TestServer;

async function addMember(name: string): Promise<Headers> {
  const made = await server.call('POST', '/api/v1/users', { name, role: 'member', password });
  expect(made.status).toBe(201);
  return basic(name, password);
}

/** What a script of these lines prints. */
async function run(text: string, headers: Headers, more: object = {}): Promise<{ job: Job; output: string }> {
  writeFileSync(join(server.folder, 'scripts', 'run.sh'), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  const body = { kind: 'script', input: { script: 'run.sh' }, ...more };
  const { id } = (await server.call('POST', '/api/v1/jobs', body, headers)).json<Job>();
  const job = await pollUntil(
    async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>(),
    ({ state }) => isEnded(state),
  );
  return { job, output: (await server.call('GET', `/api/v1/jobs/${id}/output/stdout`)).text };
}

describe.runIf(canSeparate)('with a home for each account', () => {
  let ana: Headers;
  let ben: Headers;
  let home = '';

  beforeAll(async () => {
    server = await startServer({ DAYBOOK_HOME_PER_USER: '1' }, { database: 'embedded' });
    home = join(server.folder, 'homedir');
    ana = await addMember('ana');
    ben = await addMember('ben');
  });
  afterAll(() => server.close());

  it('programs start in the folder of their owner, which is theirs', async () => {
    const { output } = await run('pwd; echo $HOME; echo of ana > note; stat -c %u . note', ana);
    const [directory, variable, ofFolder, ofNote] = output.trim().split('\n');
    expect([directory, variable], output).toEqual([join(home, 'ana'), join(home, 'ana')]);
    expect(ofFolder).toBe(ofNote);
    expect(lstatSync(join(home, 'ana')).uid).toBe(Number(ofFolder));
  });

  it('a working directory is one below it', async () => {
    await run('mkdir -p sub', ana);
    expect((await run('pwd', ana, { workdir: 'sub' })).output).toBe(`${join(home, 'ana', 'sub')}\n`);
    const { job } = await run('pwd', ana, { workdir: '../ben' });
    expect(job).toMatchObject({ state: 'failed', message: expect.stringContaining('leads out') });
  });

  it('programs of others neither read it, nor take it away', async () => {
    await run('echo of ana > note', ana);
    const { output } = await run(
      'cat ../ana/note 2>&1; ls ../ana 2>&1; mv ../ana ../gone 2>&1; mkdir ../new 2>&1; ln -s /etc ../link 2>&1',
      ben,
    );
    expect(output.match(/Permission denied/g)).toHaveLength(5);
    expect((await run('cat note', ana)).output).toBe('of ana\n');
  });
});
