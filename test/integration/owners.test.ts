import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '../../src/contract/file.ts';
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
const first = 1_900_000_000;
const password = 'a password of a member';

let server: TestServer;
let scripts = 0;

/** An account, by whose name and number its programs are known here. */
interface Member {
  headers: Headers;
  uid: number;
}

async function addMember(name: string): Promise<Member> {
  const made = await server.call('POST', '/api/v1/users', { name, role: 'member', password });
  expect(made.status).toBe(201);
  const headers = basic(name, password);
  const { output } = await run('id -u', { headers });
  return { headers, uid: Number(output) };
}

async function submit(
  text: string,
  { headers }: Pick<Member, 'headers'>,
  more: object = {},
): Promise<number> {
  const script = `owner-${(scripts += 1)}.sh`;
  writeFileSync(join(server.folder, 'scripts', script), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  const body = { kind: 'script', input: { script }, ...more };
  const answer = await server.call('POST', '/api/v1/jobs', body, headers);
  expect(answer.text).toContain('"id"');
  return answer.json<Job>().id;
}

async function untilEnded(id: number): Promise<{ job: Job; output: string; errors: string }> {
  const job = await pollUntil(
    async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>(),
    ({ state }) => isEnded(state),
  );
  const read = async (stream: string): Promise<string> =>
    (await server.call('GET', `/api/v1/jobs/${id}/output/${stream}`)).text;
  return { job, output: await read('stdout'), errors: await read('stderr') };
}

async function run(text: string, member: Pick<Member, 'headers'>, more: object = {}) {
  return untilEnded(await submit(text, member, more));
}

const home = (name: string): string => join(server.folder, 'homedir', name);

async function untilThere(name: string): Promise<string> {
  await pollUntil(() => existsSync(home(name)), Boolean);
  return readFileSync(home(name), 'utf8').trim();
}

/** As systemd sets a machine up: what is mounted later reaches the namespaces made from it. */
const asOnMostMachines = ['unshare', '--mount', '--propagation', 'shared'];

describe.runIf(canSeparate)('programs of different owners', () => {
  let ana: Member;
  let ben: Member;

  beforeAll(async () => {
    server = await startServer({}, { through: asOnMostMachines, database: 'embedded' });
    const secret = { value: 'the secret of ana' };
    expect((await server.call('PUT', '/api/v1/secrets/of-ana', secret)).status).toBeLessThan(300);
    ana = await addMember('ana');
    ben = await addMember('ben');
  });
  afterAll(() => server.close());

  it('have numbers of their own, of one group, that stay the same', async () => {
    expect(ana.uid).toBeGreaterThan(first);
    expect(ben.uid).toBe(ana.uid + 1);
    const { output } = await run('id -u; id -g; id -G; umask; echo $USER $LOGNAME $WORKER_USER', ana);
    expect(output).toBe(`${ana.uid}\n65534\n65534\n0002\nnobody nobody nobody\n`);
  });

  it('cannot see, read, signal or change those of others, which run on to their end', async () => {
    const id = await submit(
      `echo kept > "$DAYBOOK_OUTPUT_DIR/kept.txt"; (umask 0; echo mine > "$DAYBOOK_OUTPUT_DIR/open.txt")
       echo "$DAYBOOK_OUTPUT_DIR" > ana.folder; echo $$ > ana.part && mv ana.part ana.pid
       until test -e ben.done; do sleep 0.05; done; echo "$SECRET" | wc -c`,
      ana,
      { env: { PARAM_PLAIN: 'plain words', TOKEN: { secret: 'of-ana' } } },
    );
    const pid = await untilThere('ana.pid');
    expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).toContain('the secret of ana');
    const folder = readFileSync(home('ana.folder'), 'utf8').trim();
    const tries = {
      environ: `cat /proc/${pid}/environ`,
      listed: `ls /proc | grep -x ${pid}`,
      shown: `ps -e -o args | grep -F owner-${scripts}.sh | grep -v grep`,
      'signalled with 0': `kill -0 ${pid}`,
      ended: `kill -KILL ${pid}`,
      'its output folder': `ls ${folder}`,
      'a file of everybody in it': `cat ${folder}/open.txt`,
      'a new file in it': `touch ${folder}/new.txt`,
      'its printing': `cat /proc/${pid}/fd/1`,
      secret: `cat /proc/[0-9]*/environ | grep -a 'the secret of'`,
    };
    const text = Object.entries(tries).map(
      ([what, command]) => `${command} > /dev/null 2>&1 && echo '${what}'`,
    );
    const seen = await run([...text, 'touch ben.done'].join('\n'), ben);
    expect([seen.job.state, seen.output]).toEqual(['succeeded', '']);
    const { job, output } = await untilEnded(id);
    expect([job.state, job.reason]).toEqual(['succeeded', null]);
    expect(output).not.toBe('');
    const made = await server.call('GET', `/api/v1/jobs/${id}/artifacts`);
    expect(made.json<{ items: Artifact[] }>().items.map(({ name }) => name)).toEqual([
      'kept.txt',
      'open.txt',
    ]);
  });

  it('share home: both append to one file, and write into a folder that the other made', async () => {
    expect(statSync(home('')).mode & 0o7777).toBe(0o2775);
    const mine = 'echo ana >> log.txt && mkdir -p made/deep && echo ana > made/deep/ana.txt';
    expect((await run(mine, ana)).job.state).toBe('succeeded');
    const others = 'echo ben >> log.txt && echo ben >> made/deep/ana.txt && echo ben > made/deep/ben.txt';
    const { job, errors } = await run(others, ben);
    expect([job.state, errors]).toEqual(['succeeded', '']);
    expect(readFileSync(home('log.txt'), 'utf8')).toBe('ana\nben\n');
    expect(readFileSync(home('made/deep/ana.txt'), 'utf8')).toBe('ana\nben\n');
    expect(statSync(home('made/deep/ben.txt'))).toMatchObject({ uid: ben.uid, gid: 65_534 });
  });

  it('read nothing of the data directory but scripts and home, and write into none of it but home', async () => {
    // Files that are kept are laid out for one job, and pinned scripts written, while this one looks.
    const data = server.folder;
    const find = (test: string): string =>
      `find ${data} -path ${data}/homedir -prune -o -path ${data}/scripts -prune -o -path "$DAYBOOK_OUTPUT_DIR" -prune -o ${test} -print 2> /dev/null`;
    const { output } = await run(
      `${find('-type f -readable')}; ${find('-writable ! -type l')}; find ${data}/scripts -writable`,
      ben,
    );
    // What says whose folder it is, and which process serves it.
    const signs = ['attempts/.daybook', 'database.lock.1', 'web.lock.1', 'worker.lock.1'];
    expect(output.trim().split('\n').sort()).toEqual(signs.map((name) => join(data, name)));
  });

  it('see disks that are mounted later, and hold none of them', async () => {
    const onServer = (...words: string[]): string =>
      execFileSync('nsenter', [`--mount=/proc/${server.process.pid}/ns/mnt`, ...words], { encoding: 'utf8' });
    expect((await run('mkdir disk; ls /proc/1 2>&1', ana)).output).toContain('No such file');
    const disk = join(server.folder, 'homedir/disk');
    onServer('mount', '-t', 'tmpfs', 'later', disk);
    onServer('touch', join(disk, 'there'));
    expect((await run('ls disk', ben)).output).toBe('there\n');
    onServer('umount', disk);
    expect((await run('ls disk; grep -c later /proc/self/mounts', ben)).output).toBe('0\n');
  });

  it('of which one retries after its server was killed, and finds its files again', async () => {
    const id = await submit(
      `test "$(cat "$DAYBOOK_INPUT_DIR/in.txt")" = taken || exit 9
       echo "$DAYBOOK_ATTEMPT $(id -u)" > "$DAYBOOK_OUTPUT_DIR/made.txt"; touch begun.$DAYBOOK_ATTEMPT
       until test -e go; do sleep 0.05; done; exit $((2 - DAYBOOK_ATTEMPT))`,
      ana,
      { retry: { attempts: 2, on: ['exit'] }, files: [{ file: await upload('taken'), name: 'in.txt' }] },
    );
    await untilThere('begun.1');
    server.process.kill('SIGKILL');
    await once(server.process, 'exit');
    writeFileSync(home('go'), '');
    server = await server.startAgain();
    const { job } = await untilEnded(id);
    expect(job.state).toBe('succeeded');
    const { items } = (await server.call('GET', `/api/v1/jobs/${id}/artifacts`)).json<{
      items: Artifact[];
    }>();
    const out = items.filter(({ role }) => role === 'out');
    expect(out.map(({ attempt, name }) => [attempt, name])).toEqual([
      [2, 'made.txt'],
      [1, 'made.txt'],
    ]);
    for (const one of out) {
      const content = await server.call('GET', `/api/v1/jobs/${id}/artifacts/${one.id}`);
      expect(content.text).toBe(`${one.attempt} ${ana.uid}\n`);
    }
  });

  async function upload(text: string): Promise<string> {
    const headers = { 'content-type': 'application/octet-stream', ...ana.headers };
    return (await server.call('POST', '/api/v1/files?name=a', text, headers)).json<{ id: string }>().id;
  }
});

describe.runIf(canSeparate)('a server that begins to keep owners apart', () => {
  it(
    'keeps what a program of before leaves, and gives the next one a number of its own',
    {
      timeout: 90_000,
    },
    async () => {
      server = await startServer({ DAYBOOK_OWNER_IDS: 'off' }, { through: asOnMostMachines });
      const member = await addMember('ana');
      expect(member.uid).toBe(65_534);
      const id = await submit(
        'touch begun; until test -e go; do sleep 0.05; done; id -u > "$DAYBOOK_OUTPUT_DIR/made.txt"',
        member,
      );
      await untilThere('begun');
      server.process.kill('SIGKILL');
      await once(server.process, 'exit');
      server = await server.startAgain();
      const { output } = await run('id -u; echo made > "$DAYBOOK_OUTPUT_DIR/made.txt"; touch go', member);
      expect(output).toBe(`${first + 2}\n`);
      expect((await untilEnded(id)).job.state).toBe('succeeded');
      const made = (await server.call('GET', `/api/v1/jobs/${id}/artifacts`)).json<{ items: Artifact[] }>();
      expect(made.items.map(({ name }) => name)).toEqual(['made.txt']);
      // The launcher of before is replaced by one that hides processes, once it holds nothing.
      const answers = await pollUntil(
        async () => (await run('umask; ls -d /proc/1 2>&1', member)).output,
        (text) => text.startsWith('0002'),
        { deadlineMs: 40_000 },
      );
      expect(answers).toContain('No such file');
      await server.close();
    },
  );
});

describe.runIf(canSeparate)('where owners cannot be kept apart', () => {
  const places: string[] = [];
  afterAll(() => {
    for (const place of places) rmSync(place, { recursive: true });
  });

  const main = join(import.meta.dirname, '../../src/main.ts');
  const ask = (words: readonly string[], command: string, env: Record<string, string> = {}): string => {
    const data = mkdtempSync(join(tmpdir(), 'daybook-owners-'));
    chmodSync(data, 0o777);
    places.push(data);
    const [file, ...rest] = [...words, process.execPath, main, command];
    const asked = spawnSync(file, rest, {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], DAYBOOK_DATA: data, DAYBOOK_LOG_FORMAT: 'json', ...env },
    });
    return asked.stdout + asked.stderr;
  };

  it('an account past the end of the range starts nothing, and its job says why', async () => {
    server = await startServer({ DAYBOOK_OWNER_IDS: `${first}-${first + 1}` });
    const made = { name: 'ana', role: 'member', password };
    expect((await server.call('POST', '/api/v1/users', made)).status).toBe(201);
    const { job, errors } = await run('touch ran', { headers: basic('ana', password) });
    expect(job).toMatchObject({ state: 'failed' });
    expect(errors).toContain(`account 2 lies past the end of DAYBOOK_OWNER_IDS (${first}-${first + 1})`);
    expect(existsSync(home('ran'))).toBe(false);
    // The last one that fits is the admin's.
    expect((await run('id -u', { headers: {} })).output).toBe(`${first + 1}\n`);
    await server.close();
  });

  it('a range with somebody in it stops the start, and the doctor says the same', () => {
    const env = { DAYBOOK_OWNER_IDS: '65000-66000' };
    const words =
      'these accounts of this machine have numbers of that range, and programs would run as them: nobody (65534)';
    expect(ask([], 'serve', env)).toContain(words);
    expect(ask([], 'doctor', env)).toContain(words);
  });

  it('a user namespace without those numbers is told, with what that means', () => {
    const told = ask(['unshare', '--user', '--map-root-user'], 'doctor');
    expect(told).toContain(
      'Programs run as nobody, those of all owners alike (its user namespace lacks 1900000000-1999999999 (/proc/self/uid_map)): each can read the environment of the others, secrets among them, signal them.',
    );
  });

  it('a launcher that could not hide processes is told by the doctor, and copies that all can read', async () => {
    const copies = mkdtempSync(join(tmpdir(), 'daybook-copies-'));
    places.push(copies);
    chmodSync(copies, 0o755);
    const env = { WORKER_STDOUT_PATH: copies };
    server = await startServer(env, { through: ['unshare', '--mount', '--propagation', 'private'] });
    const told = ask([], 'doctor', {
      ...env,
      DAYBOOK_DATA: server.folder,
      DATABASE_URL: 'postgres://127.0.0.1:1/x',
    });
    expect(told).toContain('Programs see which programs of other owners run, with their arguments');
    expect(told).toContain(`Programs of all owners can read the copies of outputs in ${copies};`);
    await server.close();
  });

  it('a server that is not root says that programs can read it as well', () => {
    const told = ask(['setpriv', '--reuid', 'daemon', '--clear-groups'], 'doctor');
    expect(told).toContain(
      'Programs run as daemon, those of all owners alike (the account of the server): each can read the environment of the others, secrets among them, signal them, and read the environment and the files of the server.',
    );
  });
});
