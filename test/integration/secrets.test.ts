import { execFileSync } from 'node:child_process';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Capsule } from '../../src/contract/capsule.ts';
import type { Job } from '../../src/contract/job.ts';
import type { Secret } from '../../src/contract/secret.ts';
import { isEnded } from '../../src/contract/states.ts';
import { createEmptyDatabase, embeddedUrlName, type TestDatabase } from '../support/database.ts';
import { adminPassword } from '../support/admin.ts';
import { Installation } from '../support/faults/installation.ts';
import type { Server } from '../support/faults/server.ts';
import type { Client } from '../support/faults/client.ts';
import { findInStores } from '../support/find-in-stores.ts';
import { pollUntil } from '../support/poll.ts';

const value = 'Tr0ub4dor & 3 "quoted"';
const stars = '*'.repeat(value.length);

let database: TestDatabase;
let installation: Installation;
let client: Client;
let server: Server;

beforeAll(async () => {
  database = await createEmptyDatabase(process.env[embeddedUrlName] ?? '');
  installation = new Installation({ env: { DATABASE_URL: database.url, DAYBOOK_QUEUES: 'default' } });
  ({ client, server } = await installation.start());
  await client.json('POST', '/api/v1/users', { name: 'ana', password: 'password of ana' });
  expect(
    await client.json<Secret>('PUT', '/api/v1/secrets/api-key', { value, note: 'for tests' }),
  ).toMatchObject({
    name: 'api-key',
    note: 'for tests',
    users: null,
    createdBy: 'admin',
    isReadable: true,
  });
});
afterAll(async () => {
  await installation.close();
  await database.drop();
});

const env = { KEY: { secret: 'api-key' }, PLAIN: 'seen' };

async function submit(name: string, body: string, options: object = {}): Promise<number> {
  installation.addScript(name, `#!/bin/bash\n${body}\n`);
  return (await client.submit({ input: { script: name }, env, ...options })).id;
}

async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
  const answer = await client.ask(method, path, { body });
  return { status: answer.status, text: answer.body.toString() };
}

const refusal = (options: object): ReturnType<typeof ask> =>
  ask('POST', '/api/v1/jobs', { kind: 'script', input: { script: 'touch.sh' }, ...options });

describe('a secret in a job', () => {
  it('reaches the program, and is masked in everything that is kept of it', async () => {
    const id = await submit(
      'use.sh',
      `[ "\${#KEY}" = ${value.length} ] && echo "length is right: $PLAIN"
printf 'a %s b\\n' "$KEY"
printf '%s' "\${KEY:0:7}"; sleep 0.2; printf '%s\\n' "\${KEY:7}"
echo "on stderr $KEY" >&2
printf '{"daybook": {"message": "%s", "progress": 0.5}}\\n' "\${KEY//\\"/\\\\\\"}"
printf '{"daybook": {"result": {"key": "%s"}}}\\n' "\${KEY//\\"/\\\\\\"}"
printf 'end %s' "$KEY"`,
    );
    const job = await client.untilEnded(id);
    expect(job).toMatchObject({ state: 'succeeded', env });
    const escaped = '*'.repeat(JSON.stringify(value).length - 2);
    expect((await client.download(id, 'stdout')).toString()).toBe(
      [
        'length is right: seen',
        `a ${stars} b`,
        stars,
        `{"daybook": {"message": "${escaped}", "progress": 0.5}}`,
        `{"daybook": {"result": {"key": "${escaped}"}}}`,
        `end ${stars}`,
      ].join('\n'),
    );
    expect((await client.download(id, 'stderr')).toString()).toBe(`on stderr ${stars}\n`);
    expect(job.result).toEqual({ key: escaped });
    const capsule = await client.json<Capsule>('GET', `/api/v1/jobs/${id}/capsule`);
    expect(capsule).toMatchObject({ secrets: ['api-key'], env: { KEY: '***', PLAIN: 'seen' } });
    expect(await findInStores(value, { database, folder: installation.folder })).toEqual([]);
  });

  it('stays masked when the worker is killed in the middle of it', async () => {
    const id = await submit(
      'split.sh',
      `printf 'x %s' "\${KEY:0:9}"; touch split.on; until [ -e split.go ]; do sleep 0.02; done; printf '%s y\\n' "\${KEY:9}"`,
    );
    await pollUntil(() => readdirSync(installation.home()).includes('split.on'), Boolean);
    await server.kill();
    ({ client, server } = await installation.start());
    writeFileSync(join(installation.home(), 'split.go'), '');
    const job = await client.untilEnded(id);
    expect(job.state).toBe('succeeded');
    expect((await client.download(id, 'stdout')).toString()).toBe(`x ${stars} y\n`);
  });

  it('is given again to a job that runs again', async () => {
    const id = await submit('again.sh', 'echo "${#KEY} $KEY"');
    await client.untilEnded(id);
    const next = await client.json<Job>('POST', `/api/v1/jobs/${id}/again`, { as: 'it-was' });
    await client.untilEnded(next.id);
    expect((await client.download(next.id, 'stdout')).toString()).toBe(`${value.length} ${stars}\n`);
  });

  it('that is not there, or not for this user, is refused', async () => {
    expect(await refusal({ env: { A: { secret: 'absent' } } })).toEqual({
      status: 400,
      text: expect.stringContaining('env.A: there is no secret'),
    });
    await client.json('PUT', '/api/v1/secrets/for-ana', { value: 'long enough', users: ['ana'] });
    expect(await refusal({ env: { A: { secret: 'for-ana' } } })).toEqual({
      status: 400,
      text: expect.stringContaining('admin may not use the secret'),
    });
  });

  it('that went since the submit fails the attempt, and says so', async () => {
    await client.json('PUT', '/api/v1/secrets/short-lived', { value: 'long enough' });
    const runAt = new Date(Date.now() + 1_500).toISOString();
    const id = await submit('gone.sh', 'touch gone.on', { env: { A: { secret: 'short-lived' } }, runAt });
    expect((await ask('DELETE', '/api/v1/secrets/short-lived')).status).toBe(204);
    const job = await client.untilEnded(id);
    expect(job).toMatchObject({
      state: 'failed',
      reason: 'error',
      message: expect.stringContaining('short-lived'),
    });
    expect(isEnded(job.state) && readdirSync(installation.home())).not.toContain('gone.on');
  });

  it('cannot be had by a worker with another key, which says what to do', async () => {
    await client.json('PUT', '/api/v1/queues/elsewhere', {});
    const other = new Installation({
      env: { DATABASE_URL: database.url, DAYBOOK_SECRET_KEY: Buffer.alloc(32, 1).toString('base64') },
    });
    try {
      await other.server(['worker'], { env: { DAYBOOK_QUEUES: 'elsewhere' } }).start();
      // Until then the server takes its own scripts for all there are.
      await pollUntil(
        async () => (await client.read<{ items: { state: string }[] }>('/api/v1/workers')).items,
        (workers) => workers.filter(({ state }) => state === 'active').length === 2,
      );
      other.addScript('other.sh', '#!/bin/bash\necho "$KEY"\n');
      const { id } = await client.submit({ input: { script: 'other.sh' }, env, queue: 'elsewhere' });
      expect(await client.untilEnded(id)).toMatchObject({
        state: 'failed',
        message: expect.stringContaining('sealed with another key'),
      });
    } finally {
      await other.close();
    }
  });
});

describe('the API of secrets', () => {
  it('lists and shows them without values, and keeps who changed what', async () => {
    await client.json('PUT', '/api/v1/secrets/b', { value: 'eight ok' });
    const list = (await ask('GET', '/api/v1/secrets')).text;
    expect(list).toContain('"name":"b"');
    expect(list).not.toContain('eight ok');
    expect(await client.json('GET', '/api/v1/secrets/b')).not.toHaveProperty('value');
    expect((await ask('DELETE', '/api/v1/secrets/b')).status).toBe(204);
    expect((await ask('GET', '/api/v1/secrets/b')).status).toBe(404);
    const audit = await client.json<{ items: { action: string; target: string }[] }>(
      'GET',
      '/api/v1/audit?target=b',
    );
    expect(audit.items.map(({ action }) => action)).toEqual(['secrets.delete', 'secrets.put']);
    expect(JSON.stringify(audit)).not.toContain('eight ok');
  });

  it.each([
    ['a value too short to be masked', { value: 'short' }, 'at least 8 bytes'],
    ['a value too long', { value: 'x'.repeat(20_000) }, 'at most'],
    ['no value', {}, 'value'],
    ['a user no account can have', { value: 'long enough', users: ['a\0b'] }, 'NUL'],
    ['nobody who may use it', { value: 'long enough', users: [] }, 'users'],
    ['somebody who has no account', { value: 'long enough', users: ['ANA', 'bo'] }, 'users.1'],
  ])('refuses %s', async (_what, body, why) => {
    const answer = await ask('PUT', '/api/v1/secrets/refused', body);
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining(why)]);
    expect((await ask('GET', '/api/v1/secrets/refused')).status).toBe(404);
  });

  it('the command line takes the value from standard input, and never shows it', async () => {
    const entry = join(import.meta.dirname, '../../src/main.ts');
    const cli = (args: string[], input = ''): string =>
      execFileSync(process.execPath, [entry, ...args], {
        env: {
          ...process.env,
          DAYBOOK_URL: client.url,
          DAYBOOK_USER: 'admin',
          DAYBOOK_PASSWORD: adminPassword,
        },
        input,
        encoding: 'utf8',
      });
    expect(cli(['secret', 'set', 'from-cli', '--note', 'n'], 'line one\nline two\n')).toContain(
      'Secret from-cli is set',
    );
    expect(cli(['secret', 'list'])).toMatch(/from-cli .*everybody/);
    const id = await submit('lines.sh', 'echo "$KEY" | sed 1d', { env: { KEY: { secret: 'from-cli' } } });
    await client.untilEnded(id);
    expect((await client.download(id, 'stdout')).toString()).toBe('********\n');
    expect(cli(['secret', 'rm', 'from-cli'])).toContain('removed');
  });
});

it('the key file is for its owner alone', () => {
  expect(statSync(join(installation.data(), 'secret-key')).mode & 0o777).toBe(0o600);
});
