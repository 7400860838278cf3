import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LauncherClient } from '../../src/launcher/client/client.ts';
import { isolation, LauncherHarness } from '../support/programs/launcher-harness.ts';

const isRoot = process.getuid?.() === 0;

let harness: LauncherHarness;
let client: LauncherClient;
let folder = '';

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-isolation-'));
  chmodSync(folder, 0o777);
  harness = new LauncherHarness();
  client = await harness.client();
});

afterEach(async () => {
  await harness.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What setpriv gives is what counts. */
function identityBySetpriv(...words: string[]): string {
  return execFileSync('setpriv', [...words, '--', ...identity], { encoding: 'utf8' });
}

const identity = ['grep', '-E', '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):', '/proc/self/status'];

// Skipped where the tests do not run as root: nobody else may change users.
describe.runIf(isRoot)('a program that runs as another user, started by root', () => {
  const runAs = async (command: string, change: Parameters<typeof isolation>[0]): Promise<string> => {
    const { heard } = await harness.run(client, {
      ...harness.shell(command),
      cwd: folder,
      isolation: isolation(change),
    });
    expect(heard.text('stderr')).toBe('');
    return heard.text('stdout');
  };
  const lookAt = (change: Parameters<typeof isolation>[0]): Promise<string> =>
    runAs(identity.map((word) => `'${word}'`).join(' '), change);

  it('has the ids, groups and capabilities that setpriv would give it', async () => {
    const seen = await lookAt({ user: 'nobody' });
    expect(seen).toBe(identityBySetpriv('--reuid=nobody', '--regid=nogroup', '--init-groups'));
    expect(seen).toMatch(/^Uid:(\t65534){4}$/m);
    expect(seen).toMatch(/^Gid:(\t65534){4}$/m);
    for (const set of ['Eff', 'Prm', 'Amb']) expect(seen).toMatch(new RegExp(`^Cap${set}:\t0+$`, 'm'));
  });

  it('has the group that was asked for, by name or number, besides the groups of the user', async () => {
    const expected = identityBySetpriv('--reuid=daemon', '--regid=games', '--init-groups');
    expect(await lookAt({ user: 'daemon', group: 'games' })).toBe(expected);
    const gid = execFileSync('id', ['-g', 'games'], { encoding: 'utf8' }).trim();
    expect(await lookAt({ user: 'daemon', group: gid })).toBe(expected);
  });

  it('has no other group when its user is a number without an entry', async () => {
    const seen = await lookAt({ user: '54321' });
    expect(seen).toBe(identityBySetpriv('--reuid=54321', '--regid=54321', '--clear-groups'));
    expect(seen).toMatch(/^Groups:\s*$/m);
  });

  it('cannot become root again', async () => {
    const back = [
      'setpriv --reuid 0 --clear-groups id -u',
      'setpriv --euid 0 id -u',
      'setpriv --groups 0 id -u',
    ];
    for (const words of back)
      expect(await runAs(`${words} 2> /dev/null || echo refused`, { user: 'nobody' })).toBe('refused\n');
  });

  it('stays in its working directory and keeps its variables', async () => {
    expect(await runAs('pwd; echo "$HOME"', { user: 'nobody' })).toBe(
      `${folder}\n${harness.shell('').env['HOME'] ?? ''}\n`,
    );
  });

  it('gets no library of its own loaded while it is still root, and yet all its variables', async () => {
    const witness = join(folder, 'witness');
    const source = join(folder, 'witness.c');
    const library = join(folder, 'witness.so');
    writeFileSync(
      source,
      `#include <stdio.h>\n#include <unistd.h>\n__attribute__((constructor)) static void look(void) {\n  FILE *f = fopen("${witness}", "a");\n  if (f) { fprintf(f, "%d\\n", geteuid()); fclose(f); }\n}\n`,
    );
    execFileSync('gcc', ['-shared', '-fPIC', '-o', library, source]);
    writeFileSync(witness, '');
    chmodSync(witness, 0o666);
    const spec = harness.shell('echo "$LD_PRELOAD $PLAIN"');
    const { heard } = await harness.run(client, {
      ...spec,
      env: { ...spec.env, LD_PRELOAD: library, PLAIN: 'a = b' },
      isolation: isolation({ user: 'nobody' }),
    });
    expect(heard.text('stdout')).toBe(`${library} a = b\n`);
    const users = readFileSync(witness, 'utf8').trim().split('\n').map(Number);
    expect(users.length).toBeGreaterThan(0);
    expect(users).not.toContain(0);
  });
});
