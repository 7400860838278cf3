import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact, LeftOutFiles } from '../../src/contract/file.ts';
import type { Job } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ DAYBOOK_FILE_LIMIT: '1MiB', DAYBOOK_MADE_FILES_LIMIT: '2MiB' });
});
afterAll(() => server.close());

interface Ran {
  job: Job;
  items: Artifact[];
  leftOut: LeftOutFiles[];
}

let scripts = 0;

async function run(text: string, options: Record<string, unknown> = {}): Promise<Ran> {
  const script = `files-${(scripts += 1)}.sh`;
  writeFileSync(join(server.folder, 'scripts', script), `#!/bin/bash\nset -u\n${text}\n`, { mode: 0o755 });
  const submitted = await server.call('POST', '/api/v1/jobs', {
    kind: 'script',
    input: { script },
    ...options,
  });
  expect(submitted.status).toBe(201);
  const { id } = submitted.json<Job>();
  const job = await pollUntil(
    async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>(),
    ({ state }) => isEnded(state),
  );
  const files = await server.call('GET', `/api/v1/jobs/${id}/artifacts`);
  return { job, ...files.json<Omit<Ran, 'job'>>() };
}

async function upload(text: string): Promise<string> {
  const headers = { 'content-type': 'application/octet-stream' };
  return (await server.call('POST', '/api/v1/files?name=a', text, headers)).json<{ id: string }>().id;
}

const stdout = async ({ job }: Ran): Promise<string> =>
  (await server.call('GET', `/api/v1/jobs/${job.id}/output/stdout`)).text;

const content = async ({ job, items }: Ran, name: string): Promise<string> => {
  const found = items.find((one) => one.name === name);
  return (await server.call('GET', `/api/v1/jobs/${job.id}/artifacts/${found?.id}`)).text;
};

const names = ({ items }: Ran): string[] => items.map(({ name }) => name);

/** Folders of attempts; `none` is what jobs without files are shown. */
const folders = (): string[] => readdirSync(join(server.folder, 'attempts'));

describe('a program', () => {
  it('finds the files of its job, and what it leaves is kept with its folders', async () => {
    const file = await upload('3\n4\n');
    const ran = await run(
      `mkdir -p "$DAYBOOK_OUTPUT_DIR/plots/deep"
       while read n; do echo $((n * n)); done < "$DAYBOOK_INPUT_DIR/mesh/numbers.txt" > "$DAYBOOK_OUTPUT_DIR/squares.txt"
       echo plot > "$DAYBOOK_OUTPUT_DIR/plots/deep/one.txt"
       : > "$DAYBOOK_OUTPUT_DIR/empty"`,
      { files: [{ file, name: 'mesh/numbers.txt' }] },
    );
    expect(ran.job).toMatchObject({ state: 'succeeded' });
    expect(ran.items).toMatchObject([
      { role: 'in', attempt: null, name: 'mesh/numbers.txt', file },
      { role: 'out', attempt: 1, name: 'empty', sizeBytes: 0 },
      { role: 'out', attempt: 1, name: 'plots/deep/one.txt' },
      {
        role: 'out',
        attempt: 1,
        name: 'squares.txt',
        sizeBytes: 5,
        sha256: createHash('sha256').update('9\n16\n').digest('hex'),
      },
    ]);
    expect(await content(ran, 'squares.txt')).toBe('9\n16\n');
    expect(ran.leftOut).toEqual([]);
    await expect.poll(folders, { timeout: 3_000 }).toEqual(['.daybook', 'none']);
    const capsule = await server.call('GET', `/api/v1/jobs/${ran.job.id}/capsule`);
    expect(capsule.json()).toMatchObject({
      files: [{ name: 'mesh/numbers.txt', sizeBytes: 4, sha256: ran.items[0]?.sha256 }],
      env: { DAYBOOK_OUTPUT_DIR: join(server.folder, 'attempts', `${ran.job.id}.1.out`) },
    });
  });

  it('may read its files and change nothing of them; nobody else may even look', async () => {
    const file = await upload('x');
    const ran = await run(
      `stat -c '%a %u' "$DAYBOOK_INPUT_DIR" "$DAYBOOK_INPUT_DIR/a" "$DAYBOOK_INPUT_DIR/a/b" "$DAYBOOK_OUTPUT_DIR"
       id -u`,
      { files: [{ file, name: 'a/b' }] },
    );
    const [inputs, folder, laidOut, outputs, user] = (await stdout(ran)).trim().split('\n');
    expect([inputs, folder, laidOut, outputs]).toEqual([
      `500 ${user}`,
      `500 ${user}`,
      `400 ${user}`,
      `700 ${user}`,
    ]);
  });

  it('without files has an empty input folder, and leaves nothing when it makes nothing', async () => {
    const ran = await run(
      'ls -A "$DAYBOOK_INPUT_DIR" "$DAYBOOK_OUTPUT_DIR" | grep -v : | grep . || echo none',
    );
    expect(await stdout(ran)).toBe('none\n');
    expect(ran.items).toEqual([]);
    await expect.poll(folders, { timeout: 3_000 }).toEqual(['.daybook', 'none']);
  });

  it('that fails keeps what each of its attempts left', async () => {
    const ran = await run('echo $DAYBOOK_ATTEMPT > "$DAYBOOK_OUTPUT_DIR/log.txt"; exit 3', {
      retry: { attempts: 2, initialMs: 0 },
    });
    expect(ran.job).toMatchObject({ state: 'failed', reason: 'exit' });
    expect(ran.items).toMatchObject([
      { attempt: 2, name: 'log.txt' },
      { attempt: 1, name: 'log.txt' },
    ]);
  });

  it('that is not there keeps nothing and leaves no folder', async () => {
    const file = await upload('x');
    const script = join(server.folder, 'scripts', 'nowhere.sh');
    writeFileSync(script, '#!/bin/sh\n', { mode: 0o755 });
    const submitted = await server.call('POST', '/api/v1/jobs', {
      kind: 'script',
      input: { script: 'nowhere.sh' },
      files: [{ file, name: 'a' }],
      runAt: new Date(Date.now() + 1_000).toISOString(),
    });
    rmSync(script);
    const { id } = submitted.json<Job>();
    await pollUntil(
      async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>().state,
      (state) => state === 'failed',
    );
    await expect.poll(folders, { timeout: 3_000 }).toEqual(['.daybook', 'none']);
  });
});

describe('what a program left that cannot be kept', () => {
  it('is named with the reason, and everything else is kept', async () => {
    const ran = await run(
      `cd "$DAYBOOK_OUTPUT_DIR"
       ln -s /etc/passwd secrets.txt; ln -s / root; mkfifo pipe
       ln /etc/passwd linked 2>/dev/null
       truncate -s 1025K large.bin
       printf x > $'not\\xffutf8'; printf x > $'two\\nlines'; printf x > '"; rm -rf .'
       mkdir closed; printf x > closed/in; chmod 0 closed
       printf fine > fine.txt`,
    );
    expect(ran.job.state).toBe('succeeded');
    expect(names(ran)).toEqual(expect.arrayContaining(['"; rm -rf .', 'fine.txt', 'two\nlines']));
    const [leftOut] = ran.leftOut;
    const why = Object.fromEntries((leftOut?.files ?? []).map((one) => [one.name, one.why]));
    expect(why).toMatchObject({
      'secrets.txt': 'a link',
      root: 'a link',
      pipe: 'no regular file',
      'large.bin': 'larger than 1.0 MiB',
      'not\ufffdutf8': 'its name is no UTF-8',
    });
    expect(names(ran).join()).not.toContain('secrets');
    expect(existsSync('/etc/passwd')).toBe(true);
    await expect.poll(folders, { timeout: 3_000 }).toEqual(['.daybook', 'none']);
    const events = await server.call('GET', `/api/v1/jobs/${ran.job.id}/events`);
    const told = events.json<{ items: { name: string }[] }>().items;
    expect(told.filter(({ name }) => name === 'files left out')).toHaveLength(1);
    const saved = await server.call(
      'GET',
      `/api/v1/jobs/${ran.job.id}/artifacts/${ran.items.find(({ name }) => name === 'two\nlines')?.id}`,
    );
    expect(saved.headers.get('content-disposition')).toBe(
      `attachment; filename="two_lines"; filename*=UTF-8''two%0Alines`,
    );
  });

  it('is what goes beyond the limit of all together; smaller ones behind it still fit', async () => {
    const ran = await run(
      `cd "$DAYBOOK_OUTPUT_DIR"; for n in a b c; do head -c 900K /dev/urandom > $n; done; printf x > d`,
    );
    expect(names(ran)).toEqual(['a', 'b', 'd']);
    expect(ran.leftOut).toMatchObject([
      {
        attempt: 1,
        count: 1,
        files: [{ name: 'c', why: 'the files of the attempt are too large together' }],
      },
    ]);
  });

  it('is what comes behind a thousand files', async () => {
    const ran = await run(`cd "$DAYBOOK_OUTPUT_DIR"; for n in $(seq 1001 2003); do : > $n; done`);
    expect(ran.items).toHaveLength(1_000);
    expect(ran.leftOut).toMatchObject([{ count: 3 }]);
  });
});
