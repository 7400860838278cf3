/** The remote executor's own table, taken over through the command line: what its clients ask for is found as before. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { runCommand } from '../support/cli.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startServer, type TestServer } from '../support/server.ts';

const uid = (number: number): string => `11111111-2222-4333-8444-${String(number).padStart(12, '0')}`;

let server: TestServer;
let predecessor: TestDatabase;
let logs: string;

beforeAll(async () => {
  server = await startServer({ DAYBOOK_TIMEZONE: 'Europe/Berlin' });
  // One job of ours is there already, under a number of theirs.
  const first = await server.call('POST', '/task/create', { script: 'ls.sh', arguments: {} });
  expect(first.json<{ id: number }>().id).toBe(1);
  predecessor = await createTestDatabase();
  logs = mkdtempSync(join(tmpdir(), 'daybook-logs-'));
  const client = new pg.Client(predecessor.url);
  await client.connect();
  await client.query(`
    create table task_task (
      id serial primary key, uid uuid not null unique, created timestamptz not null, script varchar(100) not null,
      arguments jsonb not null, started timestamptz, finished timestamptz, diskspace_before bigint, diskspace_after bigint,
      retcode integer, stdout_file varchar(200)
    );
    insert into task_task (id, uid, created, script, arguments, started, finished, diskspace_before, diskspace_after, retcode, stdout_file)
    values
      (1, '${uid(1)}', '2018-12-23T20:00:00Z', 'touch.sh', '{"": "a.txt"}', '2018-12-23T20:00:01Z', '2018-12-23T20:00:02Z', 9000, 8000, 0, null),
      (7, '${uid(7)}', '2018-12-23T21:26:14.356933Z', 'mkdir.sh', '{"-p": "", "": "x"}', '2018-12-23T21:26:15Z', '2018-12-23T21:26:16Z', 8000, 7000, 3, '/srv/logs/seven'),
      (8, '${uid(8)}', '2018-12-23T22:30:00Z', 'kill.sh', '{}', '2018-12-23T22:30:00Z', '2018-12-23T22:30:01Z', null, null, -9, null),
      (900000, '${uid(9)}', '2018-12-24T12:00:00Z', 'late.sh', '{}', null, null, null, null, null, null);`);
  await client.end();
  writeFileSync(join(logs, `${uid(7)}_stdout.log`), 'made x\n');
});

afterAll(async () => {
  await server?.close();
  await predecessor?.drop();
  rmSync(logs, { recursive: true, force: true });
});

const run = (...args: string[]): ReturnType<typeof runCommand> =>
  runCommand(['import', 'tasks', predecessor.url, ...args], {
    DAYBOOK_URL: server.url,
    DAYBOOK_USER: 'admin',
    DAYBOOK_PASSWORD: adminPassword,
  });

const view = (selector: string): ReturnType<TestServer['call']> =>
  server.call('GET', `/task/view/${selector}`);

describe('tasks of the remote executor', () => {
  it('are told before they are taken over', async () => {
    const { code, stdout } = await run('--dry-run');
    expect([code, stdout]).toEqual([0, expect.stringContaining('4 added')]);
    expect((await view(`uid:${uid(7)}`)).status).toBe(404);
  });

  it('keep uid, number, times, disk space and output; a number that is taken is told', async () => {
    const { code, stdout, stderr } = await run('--logs', logs);
    expect([code, stdout]).toEqual([0, expect.stringContaining('4 added')]);
    expect(stderr).toMatch(/^Task 1 is job \d+\.$/m);
    expect(stderr.match(/Task/g)).toHaveLength(1);
    const task = (await view('pk:7')).json();
    expect(task).toEqual({
      id: 7,
      uid: uid(7),
      created: '2018-12-23T21:26:14.356Z',
      script: 'mkdir.sh',
      arguments: { '-p': '', '': 'x' },
      started: '2018-12-23T21:26:15.000Z',
      finished: '2018-12-23T21:26:16.000Z',
      diskspace_before: 8000,
      diskspace_after: 7000,
      retcode: 3,
    });
    expect((await view(`uid:${uid(7)}`)).json()).toEqual(task);
    expect((await view('pk:8')).json()).toMatchObject({ retcode: 137 });
    expect((await view('pk:900000')).json()).toMatchObject({ retcode: null });
    expect((await server.call('GET', '/api/v1/jobs/7/output/stdout')).text).toBe('made x\n');
    expect((await server.call('GET', '/api/v1/jobs/7')).json()).toMatchObject({
      foreign: { source: 'tasks', cluster: '', id: '7' },
      info: 'stdout_file: /srv/logs/seven',
    });
    // Days are of the server's zone.
    expect((await view('date:20181224')).json()).toHaveLength(1);
    expect((await view('date:20181223/count')).text).toBe('3');
  });

  it('are found by the number they had, and shown with it', async () => {
    const { items } = (await server.call('GET', '/api/v1/jobs?q=foreign:1')).json<{
      items: { id: number; uid: string; foreign: object }[];
    }>();
    expect(items).toMatchObject([{ uid: uid(1), foreign: { source: 'tasks', id: '1' } }]);
    const list = await runCommand(['jobs', 'foreign:1'], {
      DAYBOOK_URL: server.url,
      DAYBOOK_USER: 'admin',
      DAYBOOK_PASSWORD: adminPassword,
    });
    expect(list.stdout).toContain('(tasks 1)');
  });

  it('are known when they are imported again', async () => {
    expect((await run()).stdout).toContain('0 added, 0 updated, 4 known');
  });

  it('leave the numbers behind the largest to ours', async () => {
    const next = await server.call('POST', '/task/create', { script: 'ls.sh', arguments: {} });
    expect(next.json<{ id: number }>().id).toBeGreaterThan(900_000);
  });

  it('that cannot be taken over are named by their number, and keep none of the others out', async () => {
    const client = new pg.Client(predecessor.url);
    await client.connect();
    await client.query(
      `insert into task_task (id, uid, created, script, arguments)
       select n, ('11111111-2222-4333-8444-' || lpad(n::text, 12, '0'))::uuid, '2018-12-25T12:00:00Z',
         case n when 902500 then '' else 'many.sh' end, '{}' from generate_series(900001, 902501) n`,
    );
    await client.end();
    const { code, stdout, stderr } = await run();
    expect([code, stdout]).toEqual([
      1,
      expect.stringContaining('2500 added, 0 updated, 4 known already, 1 refused'),
    ]);
    expect(stderr).toContain('Task 902500: name: ');
    expect((await view('pk:902501')).json()).toMatchObject({ uid: uid(902_501), script: 'many.sh' });
  });

  it('have any uid that PostgreSQL takes, found by it as it was and as it is shown', async () => {
    const other = await createTestDatabase();
    const client = new pg.Client(other.url);
    await client.connect();
    // Text, as in a table that was carried over from another database.
    await client.query(`
      create table task_task (id serial primary key, uid text, created text, script text, arguments jsonb, retcode numeric);
      insert into task_task (id, uid, created, script, arguments, retcode) values
        (910001, 'aaaaaaaabbbbccccddddeeeeeeeeeeee', '2018-12-26T12:00:00Z', 'bare.sh', '{}', 0),
        (910002, '{AAAAAAAA-BBBB-0CCC-0DDD-EEEEEEEEEEEE}', '2018-12-26T12:00:00Z', 'braced.sh', '{}', 0),
        (910003, 'no uid', '2018-12-26T12:00:00Z', 'refused.sh', '{}', 0),
        (910004, '${uid(910_004)}', 'infinity', 'refused.sh', '{}', 0),
        (910005, '${uid(910_005)}', '2018-12-26T12:00:00Z', null, '{}', 0),
        (910006, '${uid(910_006)}', '2018-12-26T12:00:00Z', 'refused.sh', '{}', 1.5),
        (910007, '${uid(910_007)}', '2018-12-45T12:00:00Z', 'refused.sh', '{}', 0),
        (910008, '${uid(910_008)}', '2018-12-26T12:00:00Z', 'last.sh', '{}', 0);`);
    await client.end();
    writeFileSync(join(logs, 'aaaaaaaabbbbccccddddeeeeeeeeeeee_stdout.log'), 'bare\n');
    const { code, stdout, stderr } = await runCommand(['import', 'tasks', other.url, '--logs', logs], {
      DAYBOOK_URL: server.url,
      DAYBOOK_USER: 'admin',
      DAYBOOK_PASSWORD: adminPassword,
    });
    expect([code, stdout]).toEqual([
      1,
      expect.stringContaining('3 added, 0 updated, 0 known already, 5 refused'),
    ]);
    expect(stderr.match(/^Task \d+: \w+: .+$/gm)).toEqual([
      expect.stringContaining('Task 910003: uid: '),
      expect.stringContaining('Task 910004: created: '),
      expect.stringContaining('Task 910005: script: '),
      expect.stringContaining('Task 910006: retcode: '),
      expect.stringContaining('Task 910007: created: '),
    ]);
    for (const [number, shown, asked] of [
      [910_001, 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee', 'aaaaaaaabbbbccccddddeeeeeeeeeeee'],
      [910_002, 'aaaaaaaa-bbbb-0ccc-0ddd-eeeeeeeeeeee', 'AAAAAAAA-BBBB-0CCC-0DDD-EEEEEEEEEEEE'],
    ] as const) {
      const task = await view(`pk:${number}`);
      expect(task.json()).toMatchObject({ id: number, uid: shown });
      for (const one of [shown, asked]) {
        expect((await view(`uid:${one}`)).json()).toEqual(task.json());
        expect((await server.call('GET', `/api/v1/jobs/${one}`)).json()).toMatchObject({
          id: number,
          uid: shown,
        });
        const found = await server.call('GET', `/api/v1/jobs?q=uid:${one}`);
        expect(found.json()).toMatchObject({ items: [{ id: number }] });
      }
    }
    expect((await server.call('GET', '/api/v1/jobs/910001/output/stdout')).text).toBe('bare\n');
    await other.drop();
  });

  it('are read from nowhere else', async () => {
    const empty = await createTestDatabase();
    const elsewhere = (url: string): ReturnType<typeof runCommand> =>
      runCommand(['import', 'tasks', url], {
        DAYBOOK_URL: server.url,
        DAYBOOK_USER: 'admin',
        DAYBOOK_PASSWORD: adminPassword,
      });
    expect((await elsewhere(empty.url)).stderr).toContain('There is no table task_task');
    expect((await elsewhere('postgresql://nobody@127.0.0.1:9/x')).stderr).toContain('cannot be read');
    expect((await elsewhere('tasks.db')).stderr).toContain('is no address');
    await empty.drop();
  });
});
