import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Attempt, Job, JobEvent } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  const env = { DAYBOOK_SLOTS: '4', DAYBOOK_LABELS: 'gpu,big', DAYBOOK_KILL_GRACE_SECONDS: '1' };
  // Whoever starts it has more files open than Node closes by itself.
  const through = ['bash', '-c', 'exec 20</etc/hostname 21</etc/hostname; exec "$0" "$@"'];
  server = await startServer({ ...env, DAYBOOK_OWNER_IDS: 'off' }, { through });
  writeScript('say.sh', 'printf "%s\\n" "$@"');
  writeScript('env.sh', 'env; pwd; cat');
  writeScript('note.sh', 'echo "$1" >> order; [ -z "$2" ] || exit "$2"');
  // Says that it runs, and goes on until it is let.
  writeScript(
    'gate.sh',
    'touch "$1.on"; until [ -e "$1.go" ]; do sleep 0.02; done; rm "$1.on"; exit "${2:-0}"',
  );
});

afterAll(() => server.close());

function writeScript(name: string, text: string): void {
  writeFileSync(join(server.folder, 'scripts', name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
}

const home = (name: string): string => join(server.folder, 'homedir', name);
const open = (gate: string): void => writeFileSync(home(`${gate}.go`), '');
const isOn = (gate: string): boolean => existsSync(home(`${gate}.on`));

async function submit(input: object, options: object = {}): Promise<Job> {
  const answer = await server.call('POST', '/api/v1/jobs', { kind: 'script', input, ...options });
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 201 });
  return answer.json<Job>();
}

const gate = (name: string, options: object = {}): Promise<Job> =>
  submit({ script: 'gate.sh', arguments: [['', name]] }, options);

const get = async (id: number): Promise<Job> => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>();
const ended = (id: number): Promise<Job> =>
  pollUntil(
    () => get(id),
    ({ state }) => isEnded(state),
  );
const inState = (id: number, state: string): Promise<Job> =>
  pollUntil(
    () => get(id),
    (job) => job.state === state,
  );

async function items<T>(id: number, what: string): Promise<T[]> {
  return (await server.call('GET', `/api/v1/jobs/${id}/${what}`)).json<{ items: T[] }>().items;
}

const stdout = async (id: number): Promise<string> =>
  (await server.call('GET', `/api/v1/jobs/${id}/output/stdout`)).text;

describe('what a submit asks for takes effect:', () => {
  it('arguments, environment, stdin and working directory reach the program as they were sent', async () => {
    mkdirSync(home('case/a b'), { recursive: true });
    const options = {
      env: { MINE: 'a=b "c" \n ä', PATH: '/usr/bin:/bin' },
      workdir: 'case/a b',
    };
    const job = await ended(
      (await submit({ script: 'env.sh' }, { ...options, stdin: 'from stdin\r\nü' })).id,
    );
    const text = await stdout(job.id);
    expect(job).toMatchObject({ state: 'succeeded', name: 'env.sh' });
    expect(text).toContain('MINE=a=b "c" \n ä\n');
    expect(text).toContain(`DAYBOOK_JOB_ID=${job.id}\n`);
    expect(text).toContain('DAYBOOK_ATTEMPT=1\n');
    expect(text).toContain('PATH=/usr/bin:/bin\n');
    expect(text.endsWith(`${home('case/a b')}\nfrom stdin\r\nü`)).toBe(true);
    expect(text).not.toMatch(/DAYBOOK_(ADMIN|DATA|PORT)/);
  });

  it('a program knows the account that it runs as, as one of cron does, and has no open files but its own', async () => {
    writeScript(
      'account.sh',
      'set -u; [ "$USER" = "$(id -un)" ] && echo "$USER is $LOGNAME, $SHELL, $HOME"; ls /proc/$$/fd',
    );
    const job = await ended((await submit({ script: 'account.sh' })).id);
    expect(job).toMatchObject({ state: 'succeeded', errorLine: null });
    const [who = '', ...files] = (await stdout(job.id)).trim().split('\n');
    expect(who).toMatch(new RegExp(`^(\\S+) is \\1, /bin/sh, ${join(server.folder, 'homedir')}$`));
    // The shell holds its script open as 255.
    expect(files).toEqual(['0', '1', '2', '255']);
  });

  it('a script that was written on Windows fails with words that say so', async () => {
    for (const first of ['#!/bin/bash', '#!/usr/bin/env bash']) {
      const path = join(server.folder, 'scripts', 'windows.sh');
      writeFileSync(path, `${first}\r\necho x\r\n`, { mode: 0o755 });
      const job = await ended((await submit({ script: 'windows.sh' })).id);
      expect(job).toMatchObject({
        state: 'failed',
        reason: 'error',
        message: expect.stringContaining('CRLF'),
      });
      expect(job.message).toMatch(/windows\.sh: bad interpreter: /);
      expect(await items<Attempt>(job.id, 'attempts')).toMatchObject([{ retcode: 126 }]);
    }
    writeScript('nowhere.sh', '');
    writeFileSync(join(server.folder, 'scripts', 'nowhere.sh'), '#!/no/such/shell\n');
    const job = await ended((await submit({ script: 'nowhere.sh' })).id);
    expect(job.message).toMatch(/bad interpreter: the program named in its first line is missing/);
  });

  it.each([['..'], ['case/../..'], ['link'], ['nowhere']])(
    'the working directory %s starts nothing',
    async (workdir) => {
      if (!existsSync(home('link'))) symlinkSync(tmpdir(), home('link'));
      const job = await ended(
        (await submit({ script: 'note.sh', arguments: [['', 'astray']] }, { workdir })).id,
      );
      expect(job).toMatchObject({
        state: 'failed',
        reason: 'error',
        message: expect.stringContaining(workdir),
      });
      expect(await items<Attempt>(job.id, 'attempts')).toMatchObject([
        { exitCode: 126, retcode: 126, program: null },
      ]);
      expect(existsSync(home('order'))).toBe(false);
    },
  );

  it('higher priority starts first, then the older', async () => {
    const blockers = await Promise.all(['p1', 'p2', 'p3', 'p4'].map((name) => gate(name)));
    await pollUntil(
      () => ['p1', 'p2', 'p3', 'p4'].every(isOn),
      (all) => all,
    );
    const key = { concurrencyKey: 'in order' };
    const jobs: Job[] = [];
    for (const [name, priority] of [
      ['a', 0],
      ['b', -5],
      ['c', 9],
      ['d', 0],
    ] as const)
      jobs.push(await submit({ script: 'note.sh', arguments: [['', name]] }, { priority, ...key }));
    expect(await Promise.all(jobs.map(async ({ id }) => (await get(id)).state))).toEqual(
      Array(4).fill('queued'),
    );
    open('p1');
    await Promise.all(jobs.map(({ id }) => ended(id)));
    expect(readFileSync(home('order'), 'utf8')).toBe('c\na\nd\nb\n');
    for (const name of ['p2', 'p3', 'p4']) open(name);
    await Promise.all(blockers.map(({ id }) => ended(id)));
  });

  it('a job for later waits as scheduled until its moment, and not beyond', async () => {
    const runAt = new Date(Date.now() + 1_500).toISOString();
    const job = await submit({ script: 'say.sh' }, { runAt });
    expect(job).toMatchObject({ state: 'scheduled', runAt });
    const done = await ended(job.id);
    expect(Date.parse(done.startedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(runAt));
    const past = await submit({ script: 'say.sh' }, { runAt: '2020-01-01T00:00:00Z' });
    // Its state may be a later one by the time of the answer.
    const [submitted] = await items<JobEvent>(past.id, 'events');
    expect(submitted).toMatchObject({ name: 'submitted', data: { state: 'queued' } });
  });

  it('labels: a job runs where all are offered, and waits where one is not', async () => {
    const foreign = await submit({ script: 'say.sh' }, { labels: ['gpu', 'windows'] });
    const fitting = await submit({ script: 'say.sh' }, { labels: ['big', 'gpu'] });
    expect(await ended(fitting.id)).toMatchObject({ state: 'succeeded' });
    expect(await get(foreign.id)).toMatchObject({ state: 'queued', attempt: 0 });
    await server.call('POST', `/api/v1/jobs/${foreign.id}/cancel`);
  });

  it('of jobs with one concurrency key one runs at a time, however often the lane is named', async () => {
    const lanes = ['key:alone', 'key:alone', 'queue:default'];
    const first = await gate('k1', { concurrencyKey: 'alone', lanes });
    await pollUntil(() => isOn('k1'), Boolean);
    const second = await gate('k2', { concurrencyKey: 'alone' });
    const bystander = await submit({ script: 'say.sh' });
    await ended(bystander.id);
    const waiting = await inState(second.id, 'waiting');
    expect(waiting.blockedBy).toBe('key:alone');
    expect(isOn('k2')).toBe(false);
    open('k1');
    await ended(first.id);
    await pollUntil(() => isOn('k2'), Boolean);
    open('k2');
    const blocked = await ended(second.id);
    expect(blocked).toMatchObject({ state: 'succeeded', blockedBy: null });
    // The lane held it up, so that was waiting, too.
    const [attempt] = await items<Attempt>(second.id, 'attempts');
    const waitedMs = Date.parse(attempt?.claimedAt ?? '') - Date.parse(blocked.submittedAt);
    expect(Math.abs((attempt?.queueWaitMs ?? 0) - waitedMs)).toBeLessThan(5);
  });

  it('a timeout ends the program, what it started included, and says so', async () => {
    writeScript('stuck.sh', 'trap "" TERM; (trap "" TERM; echo $BASHPID; exec sleep 60) & wait');
    const job = await ended((await submit({ script: 'stuck.sh' }, { timeoutSeconds: 0.3 })).id);
    expect(job).toMatchObject({
      state: 'failed',
      reason: 'timeout',
      message: expect.stringContaining('0.3 s'),
    });
    expect(await items<Attempt>(job.id, 'attempts')).toMatchObject([{ retcode: 124, signal: 'SIGKILL' }]);
    const child = Number(await stdout(job.id));
    expect(child).toBeGreaterThan(1);
    await pollUntil(
      () => existsSync(`/proc/${child}`),
      (isThere) => !isThere,
    );
  });

  it('a timeout that a program heeds, ending with exit code 0, is a timeout', async () => {
    writeScript('heeds.sh', 'trap "exit 0" TERM; while :; do sleep 0.02; done');
    const job = await ended((await submit({ script: 'heeds.sh' }, { timeoutSeconds: 0.3 })).id);
    expect(job).toMatchObject({ state: 'failed', reason: 'timeout' });
    expect(await items<Attempt>(job.id, 'attempts')).toMatchObject([{ exitCode: 0, retcode: 124 }]);
  });

  it('a retry by exit code comes after its pause; another code is the end', async () => {
    writeScript('third.sh', 'echo "try $DAYBOOK_ATTEMPT"; [ "$DAYBOOK_ATTEMPT" -lt 2 ] && exit 75; exit 3');
    const retry = { attempts: 5, on: ['exit:75'], initialMs: 1_000, factor: 1 };
    const job = await submit({ script: 'third.sh' }, { retry });
    const paused = await inState(job.id, 'scheduled');
    expect(paused).toMatchObject({ attempt: 1, endedAt: null, reason: null, result: null });
    const done = await ended(job.id);
    expect(done).toMatchObject({ state: 'failed', reason: 'exit', attempt: 2 });
    const [first, second] = await items<Attempt>(job.id, 'attempts');
    expect([first?.exitCode, second?.exitCode]).toEqual([75, 3]);
    expect(Date.parse(second?.claimedAt ?? '') - Date.parse(first?.endedAt ?? '')).toBeGreaterThanOrEqual(
      500,
    );
    expect((await server.call('GET', `/api/v1/jobs/${job.id}/output/stdout?attempt=1`)).text).toBe('try 1\n');
    expect(await stdout(job.id)).toBe('try 2\n');
  });
});

describe('a cancel', () => {
  it('ends a running program, keeps what it printed, and is refused once it has ended', async () => {
    writeScript(
      'polite.sh',
      'trap "echo bye; exit 9" TERM; echo begun; touch polite.on; while :; do sleep 0.05; done',
    );
    const job = await submit({ script: 'polite.sh' });
    await pollUntil(() => isOn('polite'), Boolean);
    const answer = await server.call('POST', `/api/v1/jobs/${job.id}/cancel`);
    expect([answer.status, answer.json<Job>().cancelRequested]).toEqual([202, true]);
    expect(await ended(job.id)).toMatchObject({ state: 'cancelled', reason: null });
    expect(await stdout(job.id)).toBe('begun\nbye\n');
    const again = await server.call('POST', `/api/v1/jobs/${job.id}/cancel`);
    expect([again.status, again.json()['code']]).toEqual([409, 'conflict']);
    const events = await items<JobEvent>(job.id, 'events');
    expect(events.map(({ name, actor }) => [name, actor.replace(/:.*/, '')])).toEqual([
      ['submitted', 'admin'],
      ['claimed', 'worker'],
      ['cancel requested', 'admin'],
      ['cancelled', 'worker'],
    ]);
    expect(events.map(({ id }) => id)).toEqual(events.map(({ id }) => id).toSorted((a, b) => a - b));
    const rest = await items<JobEvent>(job.id, `events?after=${events[1]?.id}&limit=1`);
    expect(rest).toEqual([events[2]]);
  });

  it('of a program that heeds it and ends with exit code 0 is a cancel, and starts none that needs its success', async () => {
    writeScript('tidy.sh', 'trap "echo tidied; exit 0" TERM; touch tidy.on; while :; do sleep 0.02; done');
    const job = await submit({ script: 'tidy.sh' });
    const dependant = await submit({ script: 'say.sh' }, { afterOk: [job.id] });
    await pollUntil(() => isOn('tidy'), Boolean);
    await server.call('POST', `/api/v1/jobs/${job.id}/cancel`);
    expect(await ended(job.id)).toMatchObject({
      state: 'cancelled',
      message: 'Cancelled by admin while it ran',
    });
    expect(await items<Attempt>(job.id, 'attempts')).toMatchObject([
      { state: 'cancelled', exitCode: 0, retcode: 143 },
    ]);
    expect(await ended(dependant.id)).toMatchObject({ state: 'failed', reason: 'rejected', attempt: 0 });
  });

  it('says why, and has a grace of its own', async () => {
    // Longer than the second that this worker gives.
    writeScript(
      'thorough.sh',
      'trap "sleep 1.5; exit 7" TERM; touch thorough.on; while :; do sleep 0.02; done',
    );
    const job = await submit({ script: 'thorough.sh' });
    await pollUntil(() => isOn('thorough'), Boolean);
    const wish = { reason: 'wrong mesh', graceSeconds: 60.5 };
    expect((await server.call('POST', `/api/v1/jobs/${job.id}/cancel`, wish)).status).toBe(202);
    expect(await ended(job.id)).toMatchObject({
      state: 'cancelled',
      message: 'Cancelled by admin while it ran: wrong mesh',
    });
    expect(await items<Attempt>(job.id, 'attempts')).toMatchObject([{ exitCode: 7, signal: null }]);
    const events = await items<JobEvent>(job.id, 'events');
    expect(events.find(({ name }) => name === 'cancel requested')?.data).toEqual(wish);
    const waiting = await submit({ script: 'say.sh' }, { labels: ['windows'] });
    await server.call('POST', `/api/v1/jobs/${waiting.id}/cancel`, { reason: 'nobody has that' });
    expect(await get(waiting.id)).toMatchObject({
      state: 'cancelled',
      message: 'Cancelled by admin: nobody has that',
    });
    const refused = await server.call('POST', `/api/v1/jobs/${waiting.id}/cancel`, { graceSeconds: -1 });
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('graceSeconds')]);
  });

  it('asked twice of a program that takes its time is one cancel', async () => {
    writeScript('slow.sh', 'trap "sleep 0.4; exit 0" TERM; touch slow.on; while :; do sleep 0.02; done');
    const job = await submit({ script: 'slow.sh' });
    await pollUntil(() => isOn('slow'), Boolean);
    const statuses = await Promise.all(
      [1, 2].map(async () => (await server.call('POST', `/api/v1/jobs/${job.id}/cancel`)).status),
    );
    expect(statuses).toEqual([202, 202]);
    await ended(job.id);
    const names = (await items<JobEvent>(job.id, 'events')).map(({ name }) => name);
    expect(names.filter((name) => name === 'cancel requested')).toHaveLength(1);
  });
});

describe('a retry by a person', () => {
  it('runs a failed or cancelled job once more under its number, and no other', async () => {
    writeScript('twice.sh', 'echo "try $DAYBOOK_ATTEMPT"; exit $((2 - DAYBOOK_ATTEMPT))');
    const job = await submit({ script: 'twice.sh' });
    expect((await ended(job.id)).state).toBe('failed');
    expect((await server.call('POST', `/api/v1/jobs/${job.id}/retry`)).status).toBe(202);
    expect(await ended(job.id)).toMatchObject({
      state: 'succeeded',
      attempt: 2,
      reason: null,
      message: null,
    });
    const again = await server.call('POST', `/api/v1/jobs/${job.id}/retry`);
    expect([again.status, again.json()['code']]).toEqual([409, 'conflict']);
    expect((await get(job.id)).attempt).toBe(2);
  });
});

describe('a removal', () => {
  it('is refused while the job runs, and then takes attempts and output with it', async () => {
    const job = await gate('removed');
    await pollUntil(() => isOn('removed'), Boolean);
    const refused = await server.call('DELETE', `/api/v1/jobs/${job.id}`);
    expect([refused.status, refused.text]).toEqual([409, expect.stringContaining('cancel it first')]);
    expect((await get(job.id)).state).toBe('running');
    open('removed');
    await ended(job.id);
    expect((await server.call('DELETE', `/api/v1/jobs/${job.uid}`)).status).toBe(204);
    for (const path of ['', '/output', '/output/stdout', '/attempts', '/events'])
      expect((await server.call('GET', `/api/v1/jobs/${job.id}${path}`)).status).toBe(404);
    const audit = (await server.call('GET', '/api/v1/audit?action=jobs')).json<{ items: object[] }>();
    expect(audit.items[0]).toMatchObject({
      action: 'jobs.delete',
      target: String(job.id),
      details: { uid: job.uid },
    });
  });
});

describe('a script that is not there', () => {
  it('is refused, with the one that may have been meant', async () => {
    const answer = await server.call('POST', '/api/v1/jobs', {
      kind: 'script',
      input: { script: 'toch.sh' },
    });
    expect(answer.status).toBe(400);
    expect(answer.json<{ details: object[] }>().details).toEqual([
      {
        field: 'input.script',
        message: 'there is no script toch.sh in the scripts directory; did you mean touch.sh?',
      },
    ]);
  });

  it('is refused when a schedule is made', async () => {
    const schedule = {
      name: 'never',
      cron: '0 3 * * *',
      submit: { kind: 'script', input: { script: '--zone' } },
    };
    const answer = await server.call('POST', '/api/v1/schedules', schedule);
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('submit.input.script')]);
  });

  it('fails the task of an older client, which reads no answers', async () => {
    const answer = await server.call('POST', '/task/create', { script: 'toch.sh', arguments: {} });
    expect(answer.status).toBe(201);
    const { id } = answer.json<{ id: number }>();
    expect(await ended(id)).toMatchObject({ state: 'failed' });
    expect((await server.call('GET', `/task/view/pk:${id}`)).json()).toMatchObject({ retcode: 127 });
  });
});

describe('fifty equal submits at once', () => {
  it('are one job that runs once: one 201, the others 200', async () => {
    const body = {
      kind: 'script',
      input: { script: 'note.sh', arguments: [['', 'burst']] },
      idempotencyKey: 'burst',
    };
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => server.call('POST', '/api/v1/jobs', body)),
    );
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([...Array<number>(49).fill(200), 201]);
    const ids = new Set(answers.map((answer) => answer.json<Job>().id));
    expect(ids.size).toBe(1);
    for (const id of ids) await ended(id);
    expect(readFileSync(home('order'), 'utf8').match(/burst/g)).toHaveLength(1);
  });
});
