/** Contract A: script tasks over REST, as clients of the remote executor rely on them. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestAnswer, type TestServer } from '../support/server.ts';
import type { Stream } from '../../src/contract/stream.ts';

interface Task {
  id: number;
  uid: string;
  created: string;
  script: string;
  arguments: Record<string, string>;
  started: string | null;
  finished: string | null;
  diskspace_before: number | null;
  diskspace_after: number | null;
  retcode: number | null;
}

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ DAYBOOK_TIMEZONE: 'Pacific/Auckland' });
  writeScript('argv.sh', '#!/bin/sh\nfor a in "$@"; do printf "<%s>\\n" "$a"; done\n');
  writeScript('exit.sh', '#!/bin/sh\nexit "$1"\n');
  writeScript('kill.sh', '#!/bin/sh\nkill -"$1" $$\nsleep 5\n');
  writeScript('say.sh', '#!/bin/sh\necho out; echo err >&2\n');
  writeScript('plain.sh', '#!/bin/sh\n', 0o644);
  writeScript('noshebang', 'echo "no interpreter line: $1"\n');
  symlinkSync('/bin/ls', join(server.folder, 'scripts', 'outside'));
  mkdirSync(join(server.folder, 'scripts', 'folder'));
});

afterAll(() => server.close());

function writeScript(name: string, text: string, mode = 0o755): void {
  const path = join(server.folder, 'scripts', name);
  writeFileSync(path, text);
  chmodSync(path, mode);
}

const create = (body: unknown): Promise<TestAnswer> => server.call('POST', '/task/create', body);

async function viewEnded(uid: string): Promise<Task> {
  return pollUntil(
    async () => (await server.call('GET', `/task/view/uid:${uid}`)).json<Task>(),
    (task) => task.finished !== null,
  );
}

async function run(script: string, options: Record<string, string> = {}): Promise<Task> {
  const answer = await create({ script, arguments: options });
  expect(answer.status, answer.text).toBe(201);
  return viewEnded(answer.json<Task>().uid);
}

async function output(task: Task, stream: Stream): Promise<string> {
  return (await server.call('GET', `/api/v1/jobs/${task.id}/output/${stream}`)).text;
}

describe('creating a task', () => {
  it('answers 201 with exactly the members of the contract, null until known', async () => {
    const answer = await create({ script: 'touch.sh', arguments: { '': 'sample_file.txt' } });
    expect(answer.status).toBe(201);
    const task = answer.json<Task>();
    expect(Object.keys(task)).toEqual([
      'id',
      'uid',
      'created',
      'script',
      'arguments',
      'started',
      'finished',
      'diskspace_before',
      'diskspace_after',
      'retcode',
    ]);
    expect(task).toMatchObject({ script: 'touch.sh', arguments: { '': 'sample_file.txt' }, retcode: null });
    expect(task.created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)$/);
    const ended = await viewEnded(task.uid);
    expect(ended.retcode).toBe(0);
    expect(ended.diskspace_before).toBeGreaterThan(0);
    expect(ended.diskspace_after).toBeGreaterThan(0);
    expect(Date.parse(ended.started ?? '')).toBeLessThanOrEqual(Date.parse(ended.finished ?? ''));
    expect(existsSync(join(server.folder, 'homedir', 'sample_file.txt'))).toBe(true);
  });

  it.each(['application/x-www-form-urlencoded', 'json', null])(
    'reads JSON sent as %s, as curl and old programs do',
    async (type) => {
      const credentials = `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`;
      const answer = await fetch(`${server.url}/task/create`, {
        method: 'POST',
        // With a password of its own it may even come from a page.
        headers: {
          authorization: credentials,
          origin: 'https://elsewhere.example',
          ...(type && { 'content-type': type }),
        },
        // A blob without a type: fetch then sends none.
        body: new Blob(['{"script":"ls.sh","arguments":{}}']),
      });
      expect(answer.status, await answer.text()).toBe(201);
    },
  );

  it('is greeted', async () => {
    const answer = await server.call('GET', '/task/');
    expect([answer.status, answer.text]).toEqual([200, 'Hello, world']);
  });

  it('is a POST: 405 for others', async () => {
    expect((await server.call('GET', '/task/create')).status).toBe(405);
  });

  it.each([
    [{}, { script: ['This field is required.'], arguments: ['This field is required.'] }],
    [{ script: 'ls.sh' }, { arguments: ['This field is required.'] }],
    [{ arguments: {} }, { script: ['This field is required.'] }],
    [{ script: 7, arguments: {} }, { script: ['Not a valid string.'] }],
    [{ script: '', arguments: {} }, { script: ['This field may not be blank.'] }],
    [{ script: 'ls.sh', arguments: [] }, { arguments: [expect.any(String)] }],
    [{ script: 'ls.sh', arguments: { '-n': 5 } }, { arguments: [expect.stringContaining('-n')] }],
    [
      { script: 'ls.sh', arguments: { '': "it's" } },
      { arguments: [expect.stringContaining('quotation mark')] },
    ],
    [{ script: 'ls.sh', arguments: { '': 'a\u0000b' } }, { arguments: [expect.stringContaining('NUL')] }],
    [{ script: '../ls.sh', arguments: {} }, { script: [expect.any(String)] }],
    [{ script: '/bin/ls', arguments: {} }, { script: [expect.any(String)] }],
    [{ script: '..', arguments: {} }, { script: [expect.any(String)] }],
    [{ script: 'a\u0000b', arguments: {} }, { script: [expect.any(String)] }],
  ])('answers 400 with one list of reasons per member for %j', async (body, reasons) => {
    const answer = await create(body);
    expect(answer.status).toBe(400);
    expect(answer.json()).toEqual(reasons);
  });

  it.each(['{"script":', '[1]', '{"__proto__":{"x":1},"script":"ls.sh","arguments":{}}'])(
    'answers 400 without a stack trace for the body %s',
    async (body) => {
      const answer = await create(body);
      expect(answer.status).toBe(400);
      expect(answer.text).not.toMatch(/\bat .*\.ts:\d+/);
    },
  );

  it('answers 413 for ten megabytes, naming the limit', () => {
    // curl, which still reads the answer when the server does not read the body to its end.
    const answer = execFileSync(
      'curl',
      [
        '-s',
        '-u',
        `admin:${adminPassword}`,
        '-H',
        'Content-Type: application/json',
        '--data-binary',
        '@-',
        '-w',
        '%{http_code}',
        `${server.url}/task/create`,
      ],
      {
        encoding: 'utf8',
        input: JSON.stringify({ script: 'ls.sh', arguments: { '': 'x'.repeat(10_000_000) } }),
      },
    );
    expect(answer).toMatch(/^\{"detail":".*1048576.*"\}413$/);
  });

  it('asks who one is: Basic with a password or Bearer, and 401 without', async () => {
    const anonymous = await fetch(`${server.url}/task/create`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ script: 'ls.sh', arguments: {} }),
    });
    expect(anonymous.status).toBe(401);
    expect(anonymous.headers.get('www-authenticate')).toContain('Basic');
    const token = (
      await server.call('POST', '/api/v1/tokens', { name: 'old client', scopes: ['submit'] })
    ).json<{ secret: string }>();
    const byToken = await server.call('GET', '/task/view/date:today', undefined, {
      authorization: `Bearer ${token.secret}`,
    });
    expect(byToken.status).toBe(200);
  });

  it('works from curl as in the manual of the predecessor', () => {
    const printed = execFileSync(
      'curl',
      [
        '-s',
        '-u',
        `admin:${adminPassword}`,
        '-H',
        'Content-Type: application/json',
        '-d',
        '{"script":"mkdir.sh","arguments":{"-p":"","":"sample_dir"}}',
        `${server.url}/task/create`,
      ],
      { encoding: 'utf8' },
    );
    expect(JSON.parse(printed)).toMatchObject({
      script: 'mkdir.sh',
      arguments: { '-p': '', '': 'sample_dir' },
    });
  });
});

describe('arguments', () => {
  it.each<[Record<string, string>, string[]]>([
    [{ '-p': '', '': 'sample_dir' }, ['-p', 'sample_dir']],
    [{ '--source': 'a b' }, ['--source', 'a', 'b']],
    [{ '': "'two words'" }, ['two words']],
    [{ '': '"two words" third' }, ['two words', 'third']],
    [{ '-a': '1', '-b': '2', '-c': '' }, ['-a', '1', '-b', '2', '-c']],
    [
      { '': '; | $(id) `id` * ? ~ > x && $HOME \\n' },
      [';', '|', '$(id)', '`id`', '*', '?', '~', '>', 'x', '&&', '$HOME', '\\n'],
    ],
    [{ 'with space': 'v' }, ['with space', 'v']],
    [{ '': "''" }, ['']],
  ])('%j become argv without a shell', async (options, argv) => {
    const task = await run('argv.sh', options);
    expect(await output(task, 'stdout')).toBe(argv.map((argument) => `<${argument}>\n`).join(''));
    expect(task.arguments).toEqual(options);
  });
});

describe('the return code', () => {
  it.each([
    ['exit.sh', '0', 0],
    ['exit.sh', '7', 7],
    ['exit.sh', '137', 137],
    ['kill.sh', '9', 137],
    ['kill.sh', '15', 143],
    ['nowhere.sh', '', 127],
    ['echo', '', 127],
    ['plain.sh', '', 126],
    ['folder', '', 126],
    ['outside', '', 126],
  ])('of %s %s is %i', async (script, argument, retcode) => {
    const task = await run(script, { '': argument });
    expect(task.retcode).toBe(retcode);
    if (retcode >= 126 && script !== 'exit.sh' && script !== 'kill.sh') {
      expect(await output(task, 'stderr')).toContain(script);
    }
  });

  it('tells an exit with 137 from a kill by signal 9 in the record', async () => {
    const reasonOf = async (task: Task): Promise<unknown> =>
      (await server.call('GET', `/api/v1/jobs/${task.id}`)).json()['reason'];
    expect(await reasonOf(await run('exit.sh', { '': '137' }))).toBe('exit');
    expect(await reasonOf(await run('kill.sh', { '': '9' }))).toBe('signal');
  });

  it('is 124 after a timeout and 143 after a cancel, of running and of waiting tasks', async () => {
    writeScript('sleep.sh', '#!/bin/sh\nsleep 60\n');
    const submit = async (options: object): Promise<{ id: number; uid: string }> =>
      (
        await server.call('POST', '/api/v1/jobs', {
          kind: 'script',
          input: { script: 'sleep.sh' },
          ...options,
        })
      ).json();
    const timed = await submit({ timeoutSeconds: 0.2 });
    expect((await viewEnded(timed.uid)).retcode).toBe(124);
    const running = await submit({});
    await pollUntil(
      async () => (await server.call('GET', `/task/view/pk:${running.id}`)).json<Task>().started,
      (started) => started !== null,
    );
    await server.call('POST', `/api/v1/jobs/${running.id}/cancel`);
    expect((await viewEnded(running.uid)).retcode).toBe(143);
    const waiting = await submit({ runAt: '2999-01-01T00:00:00Z' });
    await server.call('POST', `/api/v1/jobs/${waiting.id}/cancel`);
    expect(await viewEnded(waiting.uid)).toMatchObject({ retcode: 143, started: null });
  });

  it('is 126 where it could not even begin, since what it was to follow did not succeed', async () => {
    const submit = async (options: object): Promise<{ id: number; uid: string }> =>
      (await server.call('POST', '/api/v1/jobs', { kind: 'script', ...options })).json();
    const first = await submit({ input: { script: 'ls.sh' }, runAt: '2999-01-01T00:00:00Z' });
    const second = await submit({ input: { script: 'ls.sh' }, afterOk: [first.id] });
    await server.call('POST', `/api/v1/jobs/${first.id}/cancel`);
    expect(await viewEnded(second.uid)).toMatchObject({ retcode: 126, started: null });
  });

  it('runs a script without an interpreter line as a shell would', async () => {
    const task = await run('noshebang', { '': 'yes' });
    expect(task.retcode).toBe(0);
    expect(await output(task, 'stdout')).toBe('no interpreter line: yes\n');
  });
});

describe('looking tasks up', () => {
  it('finds one by number and by uid; 404 for unknown, 400 for no UUID', async () => {
    const task = await run('say.sh');
    expect((await server.call('GET', `/task/view/pk:${task.id}`)).json()).toEqual(task);
    expect((await server.call('GET', `/task/view/uid:${task.uid}`)).json()).toEqual(task);
    expect((await server.call('GET', '/task/view/pk:999999')).status).toBe(404);
    expect((await server.call('GET', '/task/view/pk:abc')).status).toBe(404);
    expect((await server.call('GET', '/task/view/uid:00000000-0000-4000-8000-000000000000')).status).toBe(
      404,
    );
    expect((await server.call('GET', '/task/view/uid:abc')).status).toBe(400);
  });

  it('lists and counts a day, in order of creation, the day being that of the configured zone', async () => {
    const first = await run('say.sh');
    const second = await run('say.sh');
    const today = (await server.call('GET', '/task/view/date:today')).json<Task[]>();
    const ids = today.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(ids.slice(-2)).toEqual([first.id, second.id]);
    const count = await server.call('GET', '/task/view/date:today/count');
    expect(count.text).toBe(String(ids.length));
    const day = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Pacific/Auckland' })
      .format(new Date())
      .replaceAll('-', '');
    const named = (await server.call('GET', `/task/view/date:${day}`)).json<Task[]>();
    expect(named.map(({ id }) => id)).toEqual(ids);
    expect((await server.call('GET', '/task/view/date:20000101')).text).toBe('[]');
    expect((await server.call('GET', '/task/view/date:20000101/count')).text).toBe('0');
  });

  it.each(['yesterday', '2026-11-22', '20261301', '20260230', ''])(
    'answers 400 for the date "%s"',
    async (date) => {
      const answer = await server.call('GET', `/task/view/date:${date}`);
      expect(answer.status).toBe(400);
      expect(answer.text).toBe('Invalid date. Use YYYYMMDD.');
      const count = await server.call('GET', `/task/view/date:${date}/count`);
      expect([count.status, count.text]).toEqual([400, 'Invalid date. Use YYYYMMDD.']);
    },
  );
});

describe('output', () => {
  it('is kept per stream and downloads under the name of the task', async () => {
    const task = await run('say.sh');
    const stdout = await server.call('GET', `/api/v1/jobs/${task.id}/output/stdout`);
    expect(stdout.text).toBe('out\n');
    expect(stdout.headers.get('content-disposition')).toBe(`attachment; filename="${task.uid}_stdout.log"`);
    expect(await output(task, 'stderr')).toBe('err\n');
  });

  it('holds what a script writes to /dev/stdout and /dev/stderr, whoever it runs as', async () => {
    writeScript('devices.sh', '#!/bin/sh\necho out > /dev/stdout\necho err > /dev/stderr\nid -u\n');
    const task = await run('devices.sh');
    expect(await output(task, 'stderr')).toBe('err\n');
    const [first, uid] = (await output(task, 'stdout')).split('\n');
    expect(first).toBe('out');
    if (process.getuid?.() === 0) expect(Number(uid)).not.toBe(0);
    else expect(Number(uid)).toBe(process.getuid?.());
  });
});

describe('the chart pages', () => {
  it.each(['daily', 'disk'])(
    '/task/charts/%s is a page with a drawing and needs nothing from elsewhere',
    async (chart) => {
      await run('say.sh');
      const page = await server.call('GET', `/task/charts/${chart}`);
      expect(page.status).toBe(200);
      expect(page.headers.get('content-type')).toContain('text/html');
      expect(page.text).toMatch(/<svg[\s\S]*<\/svg>/);
      expect(page.text).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
    },
  );
});

describe('with the settings of the predecessor', () => {
  it('WORKER_ALLOW_SHELL looks names up on PATH, copies of the output are written, and old clients may come without a password', async () => {
    const copies = mkdtempSync(join(tmpdir(), 'daybook-copies-'));
    const other = await startServer({
      WORKER_ALLOW_SHELL: '1',
      DAYBOOK_OPEN_PREDECESSORS: '1',
      WORKER_STDOUT_PATH: join(copies, 'out'),
      WORKER_STDERR_PATH: join(copies, 'err'),
    });
    try {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ script: 'echo', arguments: { '': 'Hello World!' } });
      const created = await fetch(`${other.url}/task/create`, { method: 'POST', headers, body });
      expect(created.status).toBe(201);
      const { uid } = (await created.json()) as Task;
      const ended = await pollUntil(
        async () => (await (await fetch(`${other.url}/task/view/uid:${uid}`)).json()) as Task,
        (task) => task.finished !== null,
      );
      expect(ended.retcode).toBe(0);
      expect((await fetch(`${other.url}/api/v1/jobs`)).status).toBe(401);
      expect(readFileSync(join(copies, 'out', `${uid}_stdout.log`), 'utf8')).toBe('Hello World!\n');
      expect(readFileSync(join(copies, 'err', `${uid}_stderr.log`), 'utf8')).toBe('');
    } finally {
      await other.close();
      rmSync(copies, { recursive: true });
    }
  });
});
