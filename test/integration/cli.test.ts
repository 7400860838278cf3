import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endProcesses } from '../support/faults/processes.ts';
import { pollUntil } from '../support/poll.ts';

const program = join(import.meta.dirname, '../../bin/daybook.js');
const password = 'correct horse';

let folder = '';
let port = 0;
let server: Running;
let tokenOfMember = '';

interface Running {
  child: ChildProcess;
  out: { stdout: string; stderr: string };
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

function start(args: readonly string[], env: Record<string, string> = {}, input?: string): Running {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (out.stderr += text));
  child.stdin.on('error', () => {
    // Not everybody reads what is given.
  });
  if (input === undefined) child.stdin.end();
  else child.stdin.end(input);
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  return { child, out, ended };
}

async function run(
  args: readonly string[],
  env: Record<string, string> = {},
  input?: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const running = start(args, { ...client(), ...env }, input);
  const { code } = await running.ended;
  return { code, ...running.out };
}

async function succeed(running: ReturnType<typeof run>): ReturnType<typeof run> {
  const ended = await running;
  if (ended.code !== 0) throw new Error(`exit code ${ended.code}: ${ended.stderr}`);
  return ended;
}

function client(): Record<string, string> {
  return { DAYBOOK_URL: `http://127.0.0.1:${port}`, DAYBOOK_USER: 'admin', DAYBOOK_PASSWORD: password };
}

function serverEnv(): Record<string, string> {
  return {
    DAYBOOK_DATA: join(folder, 'data'),
    DAYBOOK_PORT: String(port),
    DAYBOOK_ADMIN_PASSWORD: password,
    DAYBOOK_MIN_FREE_DISK: '0',
  };
}

async function startServer(): Promise<Running> {
  const running = start(['serve'], serverEnv());
  let hasEnded = false;
  void running.ended.then(() => (hasEnded = true));
  await pollUntil(
    () => running.out,
    ({ stdout }) => {
      if (hasEnded) throw new Error(`the server ended: ${running.out.stderr}`);
      return stdout.includes('Daybook is ready at');
    },
    { deadlineMs: 50_000 },
  );
  return running;
}

async function stop({ child, ended }: Running): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  await ended;
}

/** Nobody has it now; that somebody takes it before the server does is unlikely enough. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

function jobNumber(stderr: string): string {
  return /^Job (\d+)$/m.exec(stderr)?.[1] ?? '';
}

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'daybook-cli-')));
  chmodSync(folder, 0o755);
  port = await freePort();
  server = await startServer();
  const scripts: Record<string, string> = {
    'seven.sh': 'echo out; echo err >&2; exit 7',
    'show.sh': `for argument in "$@"; do printf '%s|' "$argument"; done`,
    'live.sh': 'echo first; echo warning >&2; while [ ! -e "$1" ]; do sleep 0.05; done; echo last',
    'twice.sh': 'echo "try $DAYBOOK_ATTEMPT"; [ "$DAYBOOK_ATTEMPT" = 2 ]',
    'bar.sh': String.raw`printf 'copy 10%%\rcopy 55%%\r\033[2K\033[32mcopy done\033[0m\r\n\007next copy\n'`,
    'bytes.sh': `printf 'a\\377b'`,
  };
  mkdirSync(join(folder, 'made'));
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(folder, 'made', name), `#!/bin/sh\n${text}\n`);
    await succeed(run(['script', 'put', join('made', name)]));
  }
  await succeed(run(['user', 'add', 'ana'], {}, 'ana ana ana\n'));
  const made = await run(['token', 'create', 'test'], {
    DAYBOOK_USER: 'ana',
    DAYBOOK_PASSWORD: 'ana ana ana',
  });
  tokenOfMember = made.stdout.trim();
});

afterAll(async () => {
  if (server) await stop(server);
  // The launcher stays a minute for a worker that comes back.
  await endProcesses(join(folder, 'data'));
  rmSync(folder, { recursive: true, force: true });
});

describe('submit', () => {
  it('--wait ends with the exit code of the job and keeps stdout clean', async () => {
    const { code, stdout, stderr } = await run(['submit', '--wait', 'seven.sh']);
    expect(code).toBe(7);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^Job \d+\n/);
  });

  it('arguments reach the script exactly as given, also what looks like an option of submit', async () => {
    const args = ['-x', 'two words', '', `it's "q" \\`, '$(id)', '--', '--wait', '-h', '*', 'line\nbreak'];
    const { code, stdout } = await run(['submit', '--follow', 'show.sh', ...args]);
    expect(stdout).toBe(args.map((argument) => `${argument}|`).join(''));
    expect(code).toBe(0);
  });

  it('--follow shows output while the job runs, each stream on its own', async () => {
    const flag = join(folder, 'go-live');
    const running = start(['submit', '--follow', 'live.sh', flag], client());
    await pollUntil(
      () => running.out,
      ({ stdout, stderr }) => stdout === 'first\n' && stderr.includes('warning\n'),
    );
    expect(running.child.exitCode).toBeNull();
    writeFileSync(flag, '');
    expect((await running.ended).code).toBe(0);
    expect(running.out.stdout).toBe('first\nlast\n');
  });

  it('--follow and logs -f go on over a restart of the server and show each line once', async () => {
    const flag = join(folder, 'go-restart');
    const running = start(['submit', '--follow', 'live.sh', flag], client());
    await pollUntil(
      () => running.out.stdout,
      (text) => text === 'first\n',
    );
    const logs = start(['logs', '-f', jobNumber(running.out.stderr)], client());
    await pollUntil(
      () => logs.out.stdout,
      (text) => text === 'first\n',
    );
    await stop(server);
    server = await startServer();
    writeFileSync(flag, '');
    expect((await running.ended).code).toBe(0);
    expect((await logs.ended).code).toBe(0);
    expect(running.out.stdout).toBe('first\nlast\n');
    expect(logs.out.stdout).toBe('first\nlast\n');
  });

  it('--follow shows the output of every try', async () => {
    const { code, stdout } = await run(['submit', '--follow', '--retries', '1', 'twice.sh']);
    expect(stdout).toBe('try 1\ntry 2\n');
    expect(code).toBe(0);
  });

  it('Ctrl-C leaves the job running and says how to cancel it; cancel ends it', async () => {
    const running = start(['submit', '--wait', 'live.sh', join(folder, 'never')], client());
    const number = await pollUntil(
      () => jobNumber(running.out.stderr),
      (text) => text !== '',
    );
    const state = async (): Promise<string> =>
      (JSON.parse((await run(['job', number, '--json'])).stdout) as { state: string }).state;
    await pollUntil(state, (name) => name === 'running');
    running.child.kill('SIGINT');
    expect(await running.ended).toEqual({ code: 130, signal: null });
    expect(running.out.stderr).toContain(`Job ${number} goes on. To cancel it: daybook cancel ${number}`);
    expect(await state()).toBe('running');

    const waiting = start(['logs', '-f', number], client());
    expect((await run(['cancel', number, '--reason', 'enough', '--grace', '0'])).code).toBe(0);
    await pollUntil(state, (name) => name === 'cancelled');
    expect((await run(['job', number])).stdout).toMatch(/cancelled: Cancelled by \S+ while it ran: enough/);
    expect((await run(['jobs', `id:${number}`])).stdout).toMatch(/ Cancelled by \S+ while it ran: enough$/m);
    expect((await waiting.ended).code).toBe(0);
    expect((await run(['cancel', number])).code).toBe(1);
  });

  it('a script that was written on Windows is taken, with a warning', async () => {
    writeFileSync(join(folder, 'made', 'windows.sh'), '#!/bin/sh\r\necho x\r\n');
    const put = await run(['script', 'put', join('made', 'windows.sh')]);
    expect([put.code, put.stderr]).toEqual([0, expect.stringContaining('CRLF')]);
    expect((await run(['script', 'put', join('made', 'seven.sh')])).stderr).toBe('');
  });

  it('a script that is not there is refused, with the one that may have been meant', async () => {
    const { code, stderr } = await run(['submit', '--wait', 'toch.sh']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('did you mean touch.sh?')]);
  });

  it('the same idempotency key answers with the first job', async () => {
    const args = ['submit', '--json', '--idempotency-key', 'once', 'show.sh'];
    const [first, second] = [await run(args), await run(args)];
    expect(jobNumber(first.stderr)).not.toBe('');
    expect(jobNumber(second.stderr)).toBe(jobNumber(first.stderr));
  });
});

describe('reading', () => {
  it('job shows the record, logs the output, jobs the list', async () => {
    const number = jobNumber((await run(['submit', '--wait', 'seven.sh'])).stderr);
    const job = await run(['job', number]);
    expect(job.stdout).toContain('failed (exit): Ended with exit code 7.');
    expect(job.stdout).toMatch(/exit code +7/);
    expect(job.stdout).toMatch(/^ {2}ran +\S+\/scripts\/seven\.sh$/m);
    expect(await run(['logs', number])).toMatchObject({ stdout: 'out\n', stderr: 'err\n' });
    expect(await run(['logs', '--stream', 'stderr', number])).toMatchObject({ stdout: 'err\n', stderr: '' });
    expect(await run(['logs', '-f', '--tail', '0', number])).toMatchObject({ stdout: '', stderr: '' });
    const list = await run(['jobs', '--state', 'failed', '--limit', '500']);
    expect(list.stdout).toMatch(new RegExp(`^ *${number} +failed \\(exit\\) +seven.sh `, 'm'));
  });

  it('find shows what one sees of a progress bar in the end, and gives programs what was printed', async () => {
    const number = jobNumber((await run(['submit', '--wait', 'bar.sh'])).stderr);
    const seen = ['stdout:0: copy done', 'stdout:1: next copy'];
    expect((await run(['find', 'copy', number])).stdout).toBe(`${seen.join('\n')}\n`);
    const all = await succeed(run(['find', 'copy', '--filter', 'bar.sh']));
    expect(all.stdout).toBe(`Job ${number}  bar.sh\n${seen.map((line) => `  ${line}\n`).join('')}`);
    expect(JSON.parse((await run(['find', 'copy', '--json', number])).stdout)).toMatchObject([
      { text: 'copy 10%\rcopy 55%\r\u001B[2K\u001B[32mcopy done\u001B[0m\r' },
      { text: '\u0007next copy' },
    ]);
  });

  it('--raw gives the bytes as they were printed', async () => {
    const number = jobNumber((await run(['submit', '--wait', 'bytes.sh'])).stderr);
    const child = start(['logs', '--raw', '--stream', 'stdout', number], client());
    const pieces: Buffer[] = [];
    child.child.stdout?.removeAllListeners('data').setEncoding('latin1');
    child.child.stdout?.on('data', (text: string) => pieces.push(Buffer.from(text, 'latin1')));
    await child.ended;
    expect(Buffer.concat(pieces)).toEqual(Buffer.from([0x61, 0xff, 0x62]));
  });

  it('a reader that stops reading is no error worth a word', async () => {
    const running = start(['jobs', '--json', '--all-pages', '--limit', '1'], client());
    running.child.stdout?.destroy();
    const { code } = await running.ended;
    expect(running.out.stderr).toBe('');
    expect(code).toBe(141);
  });

  it('what is not there ends with 4', async () => {
    for (const args of [
      ['job', '999999'],
      ['logs', '999999'],
      ['script', 'show', 'none.sh'],
      ['queue', 'remove', 'none'],
    ]) {
      expect(await run(args)).toMatchObject({ code: 4, stdout: '' });
    }
  });
});

describe('fleet', () => {
  it('a paused queue holds its jobs until it is resumed', async () => {
    expect((await run(['queue', 'pause', 'default', '--note', 'full disk'])).code).toBe(0);
    const running = start(['submit', '--wait', 'show.sh'], client());
    const number = await pollUntil(
      () => jobNumber(running.out.stderr),
      (text) => text !== '',
    );
    expect((await run(['queue'])).stdout).toMatch(/^default +paused .*full disk$/m);
    expect((await run(['job', number])).stdout).toMatch(/^state +queued in default/m);
    expect((await run(['queue', 'resume', 'default'])).code).toBe(0);
    expect((await running.ended).code).toBe(0);
  });

  it('workers are drained by name', async () => {
    const worker = (
      JSON.parse((await run(['workers', '--json'])).stdout) as { items: { name: string; state: string }[] }
    ).items.find(({ state }) => state === 'active');
    expect((await run(['workers', 'drain', worker?.name ?? ''])).code).toBe(0);
    expect((await run(['workers'])).stdout).toContain('draining');
    expect((await run(['workers', 'resume', worker?.name ?? ''])).code).toBe(0);
    expect(await run(['workers', 'drain', 'nobody'])).toMatchObject({ code: 4 });
  });

  it('events shows what happens', async () => {
    const events = start(['events', '--json'], client());
    const seen = async (): Promise<string> => {
      await run(['submit', '--wait', 'show.sh']);
      return events.out.stdout;
    };
    await pollUntil(seen, (text) => text.includes('"jobId"'));
    events.child.kill('SIGTERM');
    await events.ended;
    for (const line of events.out.stdout.trim().split('\n'))
      expect(() => JSON.parse(line) as unknown).not.toThrow('JSON');
  });
});

describe('completion', () => {
  /** What bash offers after this line, by the script as people install it. */
  async function offered(...words: string[]): Promise<string[]> {
    const wrapper = join(folder, 'daybook');
    writeFileSync(wrapper, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, { mode: 0o755 });
    const { stdout: script } = await succeed(run(['completion', 'bash']));
    const line = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _daybook; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const bash = spawn('bash', ['-c', line, 'bash', wrapper, ...words], {
      env: { PATH: process.env['PATH'], HOME: folder, ...client() },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    bash.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
    await once(bash, 'close');
    return text.split('\n').filter((word) => word !== '');
  }

  it('in bash offers commands, options, and what the server has', async () => {
    expect(await offered('can')).toEqual(['cancel']);
    expect(await offered('logs', '--stre')).toEqual(['--stream']);
    expect(await offered('submit', 'sev')).toEqual(['seven.sh']);
    expect(await offered('queue', 'pause', 'def')).toEqual(['default']);
    const { stderr } = await run(['submit', '--wait', 'show.sh']);
    expect(await offered('logs', '')).toContain(jobNumber(stderr));
    expect(await offered('cancel', '')).not.toContain(jobNumber(stderr));
  });
});

describe('import', () => {
  const line = (id: number, more: object = {}): string =>
    JSON.stringify({
      source: 'test',
      id: String(id),
      submittedAt: '2018-01-02T03:04:05Z',
      state: 'finished',
      name: `old ${id}`,
      owner: 'doea',
      ...more,
    });

  it('tells what it added, over many requests, and a second time that all is known', async () => {
    const count = 4_500;
    const file = join(folder, 'old.jsonl');
    writeFileSync(file, Array.from({ length: count }, (_, index) => line(index)).join('\n'));
    const dry = await succeed(run(['import', '--dry-run', file]));
    expect(dry.stdout).toBe(
      `Nothing was changed; it would be: ${count} added, 0 updated, 0 known already, 0 refused.\n`,
    );
    expect((await succeed(run(['import', file]))).stdout).toContain(`${count} added`);
    const again = await succeed(run(['import', '--json', file]));
    expect(JSON.parse(again.stdout)).toEqual({ added: 0, updated: 0, known: count, refused: 0 });
  });

  it('names the lines it refused, counted over the whole file, takes the others and ends with 1', async () => {
    const lines = [
      line(90_001),
      ...Array.from({ length: 2_500 }, () => ''),
      line(90_002, { state: 'asleep' }),
    ];
    const { code, stdout, stderr } = await run(['import', '-'], {}, lines.join('\n'));
    expect(code).toBe(1);
    expect(stderr).toContain('line 2502: state: ');
    expect(stdout).toBe('1 added, 0 updated, 0 known already, 1 refused.\n');
    expect((await run(['import', join(folder, 'none.jsonl')])).code).toBe(2);
  });
});

describe('who asks', () => {
  it('a wrong token ends with 5 and a word on how to sign in', async () => {
    const { code, stdout, stderr } = await run(['jobs', '--token', 'dbk_wrong']);
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(stderr).toContain('Set DAYBOOK_TOKEN');
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('a member may submit but not see users', async () => {
    const env = { DAYBOOK_TOKEN: tokenOfMember };
    expect((await run(['submit', '--wait', 'show.sh'], env)).code).toBe(0);
    expect((await run(['user', 'list'], env)).code).toBe(5);
  });

  it('people set their own password with the current one', async () => {
    const ana = { DAYBOOK_USER: 'ana', DAYBOOK_PASSWORD: 'ana ana ana' };
    expect(await run(['user', 'password', 'ana'], ana, 'short\n')).toMatchObject({ code: 1 });
    expect(await run(['user', 'password', 'ana'], ana, 'ana ana eva\n')).toMatchObject({ code: 0 });
    expect((await run(['jobs'], { ...ana, DAYBOOK_PASSWORD: 'ana ana eva' })).code).toBe(0);
  });

  it('who removes a user is told what they leave, and takes it over', async () => {
    await succeed(run(['user', 'add', 'eva'], {}, 'eva eva eva\n'));
    const eva = { DAYBOOK_USER: 'eva', DAYBOOK_PASSWORD: 'eva eva eva' };
    await succeed(run(['schedule', 'add', '--paused', 'of-eva', '@daily', 'show.sh'], eva));
    await succeed(run(['view', 'set', 'of-eva', 'is:mine'], eva));
    const { stdout } = await run(['user', 'remove', 'eva']);
    expect(stdout).toContain('User eva is removed.\n  schedules: 1, stopped until somebody takes over');
    expect(stdout).toContain('  private views: 1, removed\n');
    expect(stdout).not.toContain('notification rules');
    expect((await run(['schedule', 'list'])).stdout).toMatch(/of-eva .* eva \(gone\)/);
    expect((await run(['schedule', 'take-over', 'of-eva'])).stdout).toMatch(/of-eva .* admin/);
  });
});

describe('without a server', () => {
  it('an address where nothing listens ends with 3', async () => {
    const { code, stderr } = await run(['jobs', '--url', `127.0.0.1:${await freePort()}`]);
    expect(code).toBe(3);
    expect(stderr).toContain('Start one with "daybook serve"');
  });

  it('a wrong setting stops the start with all problems and no stack', async () => {
    const { code, stderr } = await run(['serve'], { DAYBOOK_PORT: 'x', DAYBOOK_SLOTS: '0' });
    expect(code).toBe(1);
    expect(stderr).toContain('DAYBOOK_PORT is "x"');
    expect(stderr).toContain('DAYBOOK_SLOTS is "0"');
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('config shows where each value comes from, and no password', async () => {
    const { stdout } = await run(['config'], { ...serverEnv(), DAYBOOK_SLOTS: '3' });
    expect(stdout).toMatch(/^DAYBOOK_SLOTS +3 +environment$/m);
    expect(stdout).not.toContain(password);
  });
});

describe('user password --local', () => {
  const setLocally = (data: string, text: string) =>
    run(['user', 'password', 'admin', '--local'], { ...serverEnv(), DAYBOOK_DATA: data }, `${text}\n`);

  it('a data directory without a database is refused and stays empty', async () => {
    const { code, stderr } = await setLocally(join(folder, 'elsewhere'), 'new password');
    expect(code).toBe(1);
    expect(stderr).toContain('There is no database in');
  });

  it('works beside a running server, and while none runs', async () => {
    const beside = await setLocally(join(folder, 'data'), 'beside the server');
    expect(beside).toMatchObject({ code: 0 });
    expect(beside.stdout).toContain('The password of admin is changed');
    expect((await run(['jobs'], { DAYBOOK_PASSWORD: 'beside the server' })).code).toBe(0);

    await stop(server);
    expect(await setLocally(join(folder, 'data'), 'without a server')).toMatchObject({ code: 0 });
    expect((await run(['jobs'])).code).toBe(3);
    server = await startServer();
    expect((await run(['jobs'], { DAYBOOK_PASSWORD: 'without a server' })).code).toBe(0);
    expect((await run(['jobs'], { DAYBOOK_PASSWORD: 'beside the server' })).code).toBe(5);
  });
});
