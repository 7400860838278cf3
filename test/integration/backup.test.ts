import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate, readSchemaVersion } from '../../src/adapters/store/migrate.ts';
import { adminPassword } from '../support/admin.ts';
import { runCommand } from '../support/cli.ts';
import { createEmptyDatabase, embeddedUrlName, serverUrlName } from '../support/database.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { requireService } from '../support/services.ts';

const text = `äöü "quotes" \\back\\slash\ttab\n`;

let folder = '';
let server: TestServer;
let backup = '';
const env = (): Record<string, string> => ({ DAYBOOK_DATA: server.folder, DAYBOOK_MIN_FREE_DISK: '1MiB' });

interface Job {
  id: number;
  uid: string;
  state: string;
  reason: string | null;
}

async function submit(target: TestServer, script: string, more: object = {}): Promise<Job> {
  const answer = await target.call('POST', '/api/v1/jobs', { kind: 'script', input: { script }, ...more });
  expect(answer.status).toBe(201);
  return answer.json<Job>();
}

function job(target: TestServer, id: number): Promise<Job> {
  return target.call('GET', `/api/v1/jobs/${id}`).then((answer) => answer.json<Job>());
}

async function diary(target: TestServer, ids: readonly number[]): Promise<unknown[]> {
  const paths = ids.flatMap((id) => [
    `/api/v1/jobs/${id}`,
    `/api/v1/jobs/${id}/attempts`,
    `/api/v1/jobs/${id}/events`,
    `/api/v1/jobs/${id}/output/stdout`,
    `/api/v1/jobs/${id}/artifacts`,
    ...(artifacts.get(id) ?? []).map((file) => `/api/v1/jobs/${id}/artifacts/${file}`),
  ]);
  const answers = [];
  // How long its like took is no part of a job: other jobs change it.
  for (const path of paths)
    answers.push((await target.call('GET', path)).text.replace(/"usual":(null|\{[^}]*\}),/, ''));
  return answers;
}

/** Numbers of files that jobs made, by job. */
const artifacts = new Map<number, number[]>();

async function noteArtifacts(target: TestServer, id: number): Promise<void> {
  const answer = await target.call('GET', `/api/v1/jobs/${id}/artifacts`);
  const { items } = answer.json<{ items: { id: number }[] }>();
  artifacts.set(
    id,
    items.map((one) => one.id),
  );
}

let ended: Job[] = [];
let running: Job;
let before: unknown[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-backup-'));
  chmodSync(folder, 0o755);
  server = await startServer({}, { database: 'embedded' });
  const scripts = join(server.folder, 'scripts');
  writeFileSync(
    join(scripts, 'says.sh'),
    `#!/bin/sh\ncat <<'END'\n${text}END\nseq 1 200000 > "$DAYBOOK_OUTPUT_DIR/numbers.txt"\n`,
    { mode: 0o755 },
  );
  writeFileSync(join(scripts, 'waits.sh'), '#!/bin/sh\necho begun\nsleep 600\n', { mode: 0o755 });
  mkdirSync(join(scripts, 'more'));
  writeFileSync(join(scripts, 'more', 'data.txt'), 'kept');
  running = await submit(server, 'waits.sh', { retry: { attempts: 1 } });
  await pollUntil(
    () => job(server, running.id),
    ({ state }) => state === 'running',
  );
  ended = await Promise.all(Array.from({ length: 20 }, () => submit(server, 'says.sh')));
  for (const { id } of ended)
    await pollUntil(
      () => job(server, id),
      ({ state }) => state === 'succeeded',
    );
  for (const { id } of ended) await noteArtifacts(server, id);
  expect(artifacts.get(ended[0]?.id ?? 0)).toHaveLength(1);
  before = await diary(
    server,
    ended.map(({ id }) => id),
  );

  // While submits go on: what the backup holds must be of one moment.
  const writing = new AbortController();
  const load = (async () => {
    while (!writing.signal.aborted) await submit(server, 'says.sh');
  })();
  const secret = await server.call('PUT', '/api/v1/secrets/licence', { value: 'a named secret' });
  expect(secret.status).toBe(200);
  backup = join(folder, 'first');
  const { code, stderr } = await runCommand(['backup', backup], env());
  writing.abort();
  await load;
  expect(stderr).not.toContain('daybook:');
  expect(code).toBe(0);
});
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('daybook backup', () => {
  it('verifies, twice, and lists what it holds; settings without secrets', async () => {
    const { code, stdout } = await runCommand(['backup', '--verify', '--json', backup]);
    expect(code).toBe(0);
    const { rows } = JSON.parse(stdout) as { rows: Record<string, number> };
    expect(rows['jobs']).toBeGreaterThanOrEqual(21);
    expect(rows['job_inputs']).toBe(rows['jobs']);
    expect(rows['output_chunks']).toBeGreaterThanOrEqual(20);
    const manifest = readFileSync(join(backup, 'manifest.json'), 'utf8');
    expect(manifest).not.toContain(adminPassword);
    expect(stdout).not.toContain('a named secret');
    expect(existsSync(`${backup}.part`)).toBe(false);
  });

  it('never writes over anything', async () => {
    const { code, stderr } = await runCommand(['backup', backup], env());
    expect(code).toBe(1);
    expect(stderr).toContain('exists');
    expect((await runCommand(['backup', '--verify', backup])).code).toBe(0);
  });

  it.each([
    ['a flipped byte in a table', (path: string) => flip(join(path, 'tables', 'jobs.zst'))],
    ['a table cut short', (path: string) => truncateSync(join(path, 'tables', 'events.zst'), 50)],
    ['a missing table', (path: string) => rmSync(join(path, 'tables', 'users.zst'))],
    ['a changed script', (path: string) => appendFileSync(join(path, 'scripts', 'says.sh'), '#')],
    ['a changed manifest', (path: string) => appendFileSync(join(path, 'manifest.json'), ' ')],
    ['a missing manifest', (path: string) => rmSync(join(path, 'manifest.json'))],
  ])('finds %s, and nothing is restored from it', async (title, damage) => {
    const copy = join(folder, title.replaceAll(' ', '-'));
    cpSync(backup, copy, { recursive: true });
    damage(copy);
    const verified = await runCommand(['backup', '--verify', copy]);
    expect(verified.code).toBe(1);
    expect(verified.stderr).toMatch(/is damaged|is no whole backup/);
    const data = join(folder, `${title.replaceAll(' ', '-')}-data`);
    const restored = await runCommand(['restore', copy, '--data', data]);
    expect(restored.code).toBe(1);
    expect(existsSync(data)).toBe(false);
    expect(existsSync(`${data}.part`)).toBe(false);
    rmSync(copy, { recursive: true });
  });

  it('says clearly when there is no room, and leaves nothing behind', async () => {
    const target = join(folder, 'no-room');
    // A limit of the size of a file stands for a full disk; writing beyond it fails in the same place.
    const command = `ulimit -f 1; trap '' XFSZ; exec "$0" "$@"`;
    const program = join(import.meta.dirname, '../../src/main.ts');
    const child = spawn('sh', ['-c', command, process.execPath, program, 'backup', target], {
      env: { PATH: process.env['PATH'], ...env() },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(1);
    expect(stderr).toContain('there is no room');
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(readdirSync(folder).filter((name) => name.startsWith('no-room'))).toEqual([]);
  });
});

describe('daybook restore', () => {
  it('brings diary, output, people and scripts back; what ran ends as lost; the original runs on', async () => {
    const data = join(folder, 'restored');
    const { code, stderr, stdout } = await runCommand(['restore', backup, '--data', data], {
      DAYBOOK_MIN_FREE_DISK: '1MiB',
    });
    expect(stderr).not.toContain('daybook:');
    expect(code).toBe(0);
    expect(stdout).toContain('Restored into');
    const copy = await startServer({ DAYBOOK_LEASE_SECONDS: '1' }, { folder: data });
    try {
      expect(
        await diary(
          copy,
          ended.map(({ id }) => id),
        ),
      ).toEqual(before);
      const lost = await pollUntil(
        () => job(copy, running.id),
        ({ state }) => state !== 'running',
      );
      expect(lost).toMatchObject({ state: 'failed', reason: 'lost' });
      expect(await job(server, running.id)).toMatchObject({ state: 'running' });
      const newest = await submit(copy, 'says.sh');
      const { items } = (await copy.call('GET', '/api/v1/jobs?limit=500')).json<{ items: Job[] }>();
      expect(newest.id).toBe(Math.max(...items.map(({ id }) => id)));
      await pollUntil(
        () => job(copy, newest.id),
        ({ state }) => state === 'succeeded',
      );
      expect(statSync(join(data, 'scripts', 'says.sh')).mode & 0o777).toBe(0o755);
      expect(readFileSync(join(data, 'scripts', 'more', 'data.txt'), 'utf8')).toBe('kept');
      const key = 'secret-key';
      expect(readFileSync(join(data, key), 'utf8')).toBe(readFileSync(join(server.folder, key), 'utf8'));
      expect(statSync(join(data, key)).mode & 0o777).toBe(0o600);
      const events = (await copy.call('GET', `/api/v1/jobs/${newest.id}/events`)).json<{
        items: { name: string }[];
      }>();
      expect(events.items.map(({ name }) => name)).toContain('succeeded');
    } finally {
      await copy.close();
    }
  });

  it('refuses a directory that has something in it, and touches nothing', async () => {
    const data = join(folder, 'used');
    mkdirSync(data);
    writeFileSync(join(data, 'mine.txt'), 'mine');
    const { code, stderr } = await runCommand(['restore', backup, '--data', data]);
    expect(code).toBe(1);
    expect(stderr).toContain('is not empty');
    expect(readdirSync(data)).toEqual(['mine.txt']);
  });

  it('brings a backup of an older schema to this version, on a database server', async () => {
    const url = process.env[embeddedUrlName] ?? '';
    const old = await createEmptyDatabase(url);
    const target = await createEmptyDatabase(url);
    try {
      await migrate(old.db, { upTo: 3 });
      await old.db.query(
        `insert into jobs (id, uid, kind, name, state, owner) values (41, gen_random_uuid(), 'script', 'old', 'unknown', 'ana')`,
      );
      await old.db.query(`insert into job_notes (job_id, info) values (41, E'one\\ntwo\\\\n')`);
      const directory = join(folder, 'old-schema');
      const written = await runCommand(['backup', directory, '--json'], {
        DATABASE_URL: old.url,
        DAYBOOK_DATA: folder,
      });
      expect(JSON.parse(written.stdout)).toMatchObject({ schema: 3 });
      const restored = await runCommand(['restore', directory, '--data', join(folder, 'old-data')], {
        DATABASE_URL: target.url,
      });
      expect(restored.code).toBe(0);
      const { applied, known } = await readSchemaVersion(target.db);
      expect(applied).toBe(known);
      const notes = 'select j.name, n.info from jobs j join job_notes n on n.job_id = j.id';
      expect(await target.db.query(notes)).toEqual(await old.db.query(notes));
    } finally {
      await old.drop();
      await target.drop();
    }
  });

  it.runIf(requireService('PostgreSQL (server)', process.env[serverUrlName] !== undefined))(
    'restores from the embedded database into a server, all queues paused when asked; not a second time',
    async () => {
      const database = await createEmptyDatabase(process.env[serverUrlName] ?? '');
      try {
        const data = join(folder, 'on-server');
        const { code } = await runCommand(['restore', backup, '--data', data, '--paused'], {
          DATABASE_URL: database.url,
        });
        expect(code).toBe(0);
        const [queue] = await database.db.query<{ paused: boolean }>(
          `select paused from queues where name = 'default'`,
        );
        expect(queue?.paused).toBe(true);
        const [count] = await database.db.query<{ jobs: number }>('select count(*) as jobs from jobs');
        expect(count?.jobs).toBeGreaterThanOrEqual(21);
        const again = await runCommand(['restore', backup, '--data', join(folder, 'again')], {
          DATABASE_URL: database.url,
        });
        expect(again.code).toBe(1);
        expect(again.stderr).toContain('empty database only');
      } finally {
        await database.drop();
      }
    },
  );
});

function flip(path: string): void {
  const bytes = readFileSync(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
