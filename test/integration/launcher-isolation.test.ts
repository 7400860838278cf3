import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LauncherClient } from '../../src/launcher/client/client.ts';
import { connectToLauncher } from '../../src/launcher/client/link.ts';
import { canMount } from '../support/faults/small-disk.ts';
import { pollUntil } from '../support/poll.ts';
import { isolation, LauncherHarness } from '../support/programs/launcher-harness.ts';
import { until } from '../support/programs/until.ts';
import { requireService } from '../support/services.ts';

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

// A number of its owner's has no entry, and the other groups of WORKER_USER nevertheless.
describe.runIf(isRoot).each(['posix_spawn', 'child_process'] as const)(
  'with %s, a program under a number',
  (spawner) => {
    it('has the other groups of whom it stands for', async () => {
      const other = new LauncherHarness({ spawner });
      try {
        const { heard } = await other.run(await other.client(), {
          ...other.shell('id -u; id -g; id -G'),
          cwd: folder,
          isolation: isolation({ user: '1900000001', group: '60', groupsOf: 'backup' }),
        });
        const groups = execFileSync('id', ['-G', 'backup'], { encoding: 'utf8' }).trim();
        expect(heard.text('stdout')).toBe(`1900000001\n60\n60 ${groups}\n`);
      } finally {
        await other.stop();
      }
    });
  },
);

describe.runIf(isRoot)('a launcher that keeps owners apart', () => {
  const separate = { separatesOwners: true };

  it('lets programs share what they make, and nobody see what it makes itself', async () => {
    const other = new LauncherHarness(separate);
    try {
      const { heard } = await other.run(await other.client(), other.shell('umask'));
      expect(heard.text('stdout')).toBe('0002\n');
      const own = join(other.folder, 'launcher');
      for (const name of readdirSync(own)) expect(statSync(join(own, name)).mode & 0o077).toBe(0);
    } finally {
      await other.stop();
    }
  });

  it('takes the place of one that does not once that holds nothing, and not before', async () => {
    const spec = harness.shell('sleep 300');
    await harness.start(client, spec);
    const pid = harness.note(client);
    await client.stop();
    const next = await harness.client({ launcherOptions: separate });
    expect(harness.note(next)).toBe(pid);
    next.forget(spec.key);
    await until('another launcher', () => next.launcherPid !== null && next.launcherPid !== pid);
    harness.note(next);
    const { heard } = await harness.run(next, harness.shell('umask'));
    expect(heard.text('stdout')).toBe('0002\n');
  });

  it.runIf(requireService('a mount namespace', canMount()))(
    'says so where mounts would not reach it, and shows processes',
    async () => {
      const words = ['unshare', '--mount', '--propagation', 'private'];
      const launcher = join(import.meta.dirname, '../../src/launcher/main.ts');
      const place = join(folder, 'launcher');
      mkdirSync(place, { mode: 0o700 });
      const [file, ...rest] = [...words, process.execPath, launcher, place, '1', JSON.stringify(separate)];
      const child = spawn(file, rest, { stdio: 'ignore' });
      const link = await pollUntil(
        () => connectToLauncher(place, true),
        (one) => one !== null,
      );
      expect(link?.hello.separation?.whyShown).toContain('the mount of / is private');
      link?.close();
      child.kill('SIGKILL');
    },
  );
});
