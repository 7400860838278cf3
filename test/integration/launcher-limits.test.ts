import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Isolation, ProgramEnd } from '../../src/launcher/protocol.ts';
import type { LauncherClient } from '../../src/launcher/client/client.ts';
import { Heard, isolation, LauncherHarness } from '../support/programs/launcher-harness.ts';
import { until } from '../support/programs/until.ts';

const isRoot = process.getuid?.() === 0;
const mebibyte = 1024 * 1024;

/**
 * greedy grow <MiB>: takes memory in steps of one MiB · greedy share <MiB> <n>: one block, seen by n children ·
 * greedy fork <n>: n children that wait · greedy open <n>: opens as many files, prints how many it got · greedy write
 * <MiB>: writes and syncs a file
 */
const source = `
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
  int n = atoi(argv[2]);
  if (!strcmp(argv[1], "grow")) {
    for (int i = 0; i < n; i++) { memset(malloc(1 << 20), 1, 1 << 20); usleep(2000); }
    pause();
  }
  if (!strcmp(argv[1], "share")) {
    memset(malloc((size_t)n << 20), 1, (size_t)n << 20);
    for (int i = 0; i < atoi(argv[3]); i++) if (!fork()) { sleep(1); _exit(0); }
    while (wait(0) > 0);
    return 0;
  }
  if (!strcmp(argv[1], "fork")) {
    for (int i = 0; i < n; i++) if (!fork()) pause();
    pause();
  }
  if (!strcmp(argv[1], "open")) {
    int got = 0;
    for (int i = 0; i < n; i++) if (open("/dev/null", O_RDONLY) >= 0) got++;
    printf("%d\\n", got);
    fflush(stdout);
    sleep(1);
    return 0;
  }
  if (!strcmp(argv[1], "write")) {
    static char block[1 << 20];
    int fd = open(argv[3], O_CREAT | O_WRONLY, 0600);
    for (int i = 0; i < n; i++) if (write(fd, block, sizeof block) < 0) return 1;
    return fsync(fd);
  }
  return 2;
}`;

let place = '';
let greedy = '';
let harness: LauncherHarness;
let client: LauncherClient;

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'daybook-limits-'));
  chmodSync(place, 0o777);
  greedy = join(place, 'greedy');
  writeFileSync(`${greedy}.c`, source);
  execFileSync('gcc', ['-O1', '-o', greedy, `${greedy}.c`]);
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

beforeEach(async () => {
  harness = new LauncherHarness();
  client = await harness.client();
});
afterEach(() => harness.stop());

async function run(
  args: string[],
  terms: Partial<Isolation>,
  file = greedy,
): Promise<{ end: ProgramEnd; heard: Heard }> {
  const spec = harness.spec(file, args, { cwd: '/', isolation: isolation({ warnAt: 0.8, ...terms }) });
  const ran = await harness.run(client, spec);
  expect(harness.strays()).toEqual([]);
  return ran;
}

const near = (heard: Heard): string[] => heard.near.map(({ limit }) => limit);

describe.each(isRoot ? ['nobody', null] : [null])('a program run as %s', (user) => {
  it('with more memory than it may have is killed, after a warning, and the record says how much it was', async () => {
    const max = 100 * mebibyte;
    const { end, heard } = await run(['grow', '1000'], { user, limits: { memoryBytes: max } });
    expect(end).toMatchObject({ signal: 'SIGKILL', wasKilled: true, exceeded: { limit: 'memory', max } });
    expect(end.exceeded?.value).toBeGreaterThan(max);
    expect(near(heard)).toEqual(['memory']);
    expect(end.maxRssBytes).toBeGreaterThan(max);
  });

  it('whose processes share memory has it counted once', async () => {
    const { end, heard } = await run(['share', '60', '8'], { user, limits: { memoryBytes: 200 * mebibyte } });
    expect(end).toMatchObject({ exitCode: 0, exceeded: null });
    expect(near(heard)).toEqual([]);
  });

  it('that forks too much has all its processes killed', async () => {
    const { end } = await run(['fork', '60'], { user, limits: { processes: 20 } });
    expect(end).toMatchObject({ signal: 'SIGKILL', exceeded: { limit: 'processes', max: 20 } });
  });

  it('gets no more files than it may open, and is warned of, not ended', async () => {
    const { end, heard } = await run(['open', '100'], { user, limits: { openFiles: 40 } });
    expect(end).toMatchObject({ exitCode: 0, exceeded: null });
    expect(heard.text('stdout')).toBe('37\n');
    expect(near(heard)).toEqual(['open-files']);
  });

  it('that computes too long is ended by the kernel', async () => {
    const { end, heard } = await run(
      ['-c', 'while :; do :; done'],
      { user, limits: { cpuSeconds: 1 } },
      '/bin/sh',
    );
    expect(end.exceeded).toMatchObject({ limit: 'cpu', max: 1 });
    expect(end.signal).toMatch(/SIGXCPU|SIGTERM/);
    expect(near(heard)).toEqual(['cpu']);
  });

  it('whose processes together compute too long is ended, though none does alone', async () => {
    const burn = '(i=0; while [ $i -lt 100000000 ]; do i=$((i+1)); done) &';
    const { end } = await run(
      ['-c', `${burn} ${burn} ${burn} wait`],
      { user, limits: { cpuSeconds: 1.2 } },
      '/bin/sh',
    );
    expect(end.exceeded).toMatchObject({ limit: 'cpu', max: 1.2 });
  });

  it('that ignores SIGTERM and SIGXCPU is killed after the grace', async () => {
    const script = 'trap "" TERM XCPU; while :; do :; done';
    const limits = { cpuSeconds: 1 };
    const { end } = await run(['-c', script], { user, limits, killGraceMs: 200 }, '/bin/sh');
    expect(end).toMatchObject({ signal: 'SIGKILL', exceeded: { limit: 'cpu' } });
  });

  it('below its limits ends as it does', async () => {
    const limits = { cpuSeconds: 10, memoryBytes: 500 * mebibyte, processes: 50, openFiles: 100 };
    const { end, heard } = await run(['-c', 'exit 3'], { user, limits }, '/bin/sh');
    expect(end).toMatchObject({ exitCode: 3, signal: null, exceeded: null, oomKill: null, wasKilled: false });
    expect(near(heard)).toEqual([]);
  });
});

describe('the use of a program', () => {
  it('is sampled where it runs for long, its children included, and told whole to the next worker', async () => {
    const spec = harness.shell(`${greedy} grow 30 & head -c 1000 /dev/zero >/dev/null; wait`);
    const { heard } = await harness.start(client, spec);
    await until('two samples', () => heard.samples.length >= 2);
    expect(heard.samples.at(-1)?.memoryBytes).toBeGreaterThan(30 * mebibyte);
    await client.stop();
    const next = await harness.client();
    const again = new Heard();
    next.attach(spec.key, { stdout: 0, stderr: 0 }, again);
    await until('all of them again', () => again.samples.length >= 2);
    expect(again.samples.slice(0, 2)).toEqual(heard.samples.slice(0, 2));
    next.signal(spec.key, 'SIGTERM');
    const end = await harness.ended(again);
    expect(end.maxRssBytes).toBeGreaterThan(30 * mebibyte);
    next.forget(spec.key);
  });

  it('counts what was written to storage', async () => {
    // Beside the tests: a temporary folder may lie in memory.
    const folder = mkdtempSync(join(import.meta.dirname, 'written-'));
    try {
      const file = join(folder, 'file');
      const { end } = await harness.run(client, harness.spec(greedy, ['write', '8', file]));
      expect(readFileSync(file).length).toBe(8 * mebibyte);
      expect(end.writtenBytes).toBeGreaterThanOrEqual(8 * mebibyte);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('of SIGKILL from outside says that nobody here sent it', async () => {
    const { end } = await harness.run(client, harness.shell('kill -9 $$'));
    expect(end).toMatchObject({ signal: 'SIGKILL', wasKilled: false, oomKill: null });
  });
});

describe.runIf(isRoot)('what a program of another user leaves behind', () => {
  it.each([
    ['in its session', 'sleep 300 &'],
    ['in a session of its own', '(setsid sleep 300 >/dev/null 2>&1 &);'],
    ['forked twice, without its token', '(setsid sh -c "env -i sleep 300 &" >/dev/null 2>&1 &);'],
  ])('%s is gone when it ends', async (_where, script) => {
    const spec = harness.shell(`${script} sleep 0.2`, { cwd: '/', isolation: isolation({ user: 'nobody' }) });
    const { end } = await harness.run(client, spec);
    expect(end.leftBehind).toBe(1);
    expect(harness.strays()).toEqual([]);
  });
});
