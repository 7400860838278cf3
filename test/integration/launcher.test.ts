import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { machineMs } from '../../src/lib/clock.ts';
import { leaseTimes } from '../../src/lib/lease.ts';
import { startOlderLauncher } from '../support/programs/older-launcher.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Heard, isAlive, isolation, kill, LauncherHarness } from '../support/programs/launcher-harness.ts';
import { until } from '../support/programs/until.ts';
import { LauncherClient } from '../../src/launcher/client/client.ts';
import { silentLogger } from '../../src/lib/logger.ts';

let harness: LauncherHarness;
let client: LauncherClient;

afterEach(() => harness.stop());

describe.each(['posix_spawn', 'child_process'] as const)('programs by %s', (spawner) => {
  beforeEach(async () => {
    harness = new LauncherHarness({ spawner });
    client = await harness.client();
  });

  test('the exit code is the program’s own', async () => {
    const { end } = await harness.run(client, harness.shell('exit 137'));
    expect(end).toMatchObject({ exitCode: 137, signal: null, leftBehind: 0 });
  });

  test('a signal is told by name, not as 128 + n', async () => {
    const { end } = await harness.run(client, harness.shell('kill -SEGV $$'));
    expect(end).toMatchObject({ exitCode: null, signal: 'SIGSEGV' });
  });

  test('stdout and stderr are kept apart, with their bytes as they are', async () => {
    const { end, heard } = await harness.run(
      client,
      harness.shell(String.raw`printf 'a\0b\377\n'; printf 'err' >&2; printf 'no newline'`),
    );
    expect(heard.bytes('stdout')).toEqual(Buffer.from('a\0b\xff\nno newline', 'latin1'));
    expect(heard.text('stderr')).toBe('err');
    expect(end.endedBytes).toEqual({ stdout: 15, stderr: 3 });
  });

  test('standard input reaches the program, larger than a pipe, and ends', async () => {
    const stdin = Buffer.alloc(300_000, 'input\n');
    const { heard } = await harness.run(client, harness.spec('cat', [], { stdin }));
    expect(heard.bytes('stdout').equals(stdin)).toBe(true);
  });

  test('a program may ignore its input, and without input reads nothing', async () => {
    const ignoring = await harness.run(client, harness.spec('true', [], { stdin: Buffer.alloc(1_000_000) }));
    expect(ignoring.end.exitCode).toBe(0);
    const reading = await harness.run(client, harness.spec('cat'));
    expect(reading.end).toMatchObject({ exitCode: 0, endedBytes: { stdout: 0, stderr: 0 } });
  });

  test('a program that closes its stdout still ends with its code', async () => {
    const { end } = await harness.run(client, harness.shell('exec >&- 2>&-; exit 5'));
    expect(end.exitCode).toBe(5);
  });

  test('100 000 lines at once arrive complete', async () => {
    const { heard } = await harness.run(client, harness.spec('seq', ['100000']));
    expect(heard.text('stdout').split('\n')).toHaveLength(100_001);
    expect(heard.text('stdout').endsWith('99999\n100000\n')).toBe(true);
  });

  test('the environment and the directory are the ones given', async () => {
    const { heard } = await harness.run(
      client,
      harness.spec('/usr/bin/env', [], { env: { A: '1 = 2', B: 'ü' }, cwd: '/' }),
    );
    expect(heard.text('stdout').trim().split('\n').toSorted()).toEqual(['A=1 = 2', 'B=ü']);
    const where = await harness.run(client, harness.spec('pwd', [], { cwd: '/usr' }));
    expect(where.heard.text('stdout')).toBe('/usr\n');
  });

  test('a script without #! runs as a shell would run it', async () => {
    const script = join(harness.folder, 'plain');
    writeFileSync(script, 'echo "$1 $2"\n');
    chmodSync(script, 0o755);
    const { heard } = await harness.run(client, harness.spec(script, ['a b', 'c']));
    expect(heard.text('stdout')).toBe('a b c\n');
  });

  test('what cannot be started is refused as a shell would say it', async () => {
    const plain = join(harness.folder, 'plain');
    writeFileSync(plain, 'echo\n', { mode: 0o644 });
    const lost = join(harness.folder, 'lost');
    writeFileSync(lost, '#!/no/such/interpreter\n', { mode: 0o755 });
    expect(await harness.refused(client, harness.spec('no-such-program'))).toMatchObject({ exitCode: 127 });
    expect(await harness.refused(client, harness.spec('/no/such'))).toMatchObject({ exitCode: 127 });
    expect(await harness.refused(client, harness.spec('/usr'))).toMatchObject({ exitCode: 126 });
    expect(await harness.refused(client, harness.spec(plain))).toMatchObject({ exitCode: 126 });
    expect(await harness.refused(client, harness.spec(lost))).toMatchObject({
      exitCode: 126,
      message: expect.stringContaining('interpreter') as string,
    });
    expect(await harness.refused(client, harness.spec('true', [], { cwd: '/no/folder' }))).toMatchObject({
      exitCode: 126,
      message: expect.stringContaining('/no/folder') as string,
    });
    expect(await harness.refused(client, harness.spec('true', ['a\0b']))).toMatchObject({ exitCode: 126 });
  });

  test('output comes while the program runs', async () => {
    const spec = harness.shell('echo first; read x; echo never');
    const { heard } = await harness.start(client, { ...spec, args: ['-c', 'echo first; sleep 300'] });
    await until('the first line', () => heard.text('stdout') === 'first\n');
    expect(heard.end).toBeNull();
    client.signal(spec.key, 'SIGTERM');
    expect(await harness.ended(heard)).toMatchObject({ exitCode: null, signal: 'SIGTERM' });
  });

  test('output is numbered from where the launch says, and told again from there', async () => {
    const outputBase = { stdout: 7, stderr: 0 };
    const spec = harness.shell('echo one; echo two >&2; sleep 0.2; echo three', { outputBase });
    const heard = new Heard(outputBase);
    await harness.start(client, spec, heard);
    expect((await harness.ended(heard)).endedBytes).toEqual({ stdout: 17, stderr: 4 });
    expect([heard.text('stdout'), heard.text('stderr')]).toEqual(['one\nthree\n', 'two\n']);
    const again = new Heard({ stdout: 11, stderr: 4 });
    client.attach(spec.key, { stdout: 11, stderr: 4 }, again);
    await harness.ended(again);
    expect([again.text('stdout'), again.text('stderr')]).toEqual(['three\n', '']);
    client.forget(spec.key);
  });

  test('a program that ignores SIGTERM ends by SIGKILL, with its whole group', async () => {
    const spec = harness.shell('trap "" TERM; sleep 300 & echo ready; while :; do sleep 1; done');
    const { heard } = await harness.start(client, spec);
    await until('ready', () => heard.text('stdout') === 'ready\n');
    client.signal(spec.key, 'SIGTERM');
    client.signal(spec.key, 'SIGKILL');
    expect(await harness.ended(heard)).toMatchObject({ signal: 'SIGKILL' });
    client.forget(spec.key);
    await until('nothing left', () => harness.strays().length === 0);
  });

  test('what a program leaves behind is ended before its end is told', async () => {
    const { end, heard } = await harness.run(
      client,
      harness.shell(
        'sleep 300 & (setsid sleep 300 &); nohup sleep 300 >/dev/null 2>&1 & ' +
          'setsid sleep 300 >/dev/null 2>&1 & sleep 0.1; echo done',
      ),
    );
    expect(heard.text('stdout')).toBe('done\n');
    expect(end).toMatchObject({ exitCode: 0, signal: null, leftBehind: 4 });
    await until('nothing left', () => harness.strays().length === 0);
  });

  test('a helper in the background may still write its last line', async () => {
    const { end, heard } = await harness.run(client, harness.shell('(sleep 0.03; echo late) & echo done'));
    expect(heard.text('stdout')).toBe('done\nlate\n');
    expect(end.leftBehind).toBe(0);
  });

  test('a key is launched once, even when the first has ended', async () => {
    const spec = harness.shell('echo ran');
    const { heard } = await harness.start(client, spec);
    await harness.ended(heard);
    await expect(client.launch(spec, new Heard())).rejects.toThrow('launched before');
    client.forget(spec.key);
    expect(heard.text('stdout')).toBe('ran\n');
  });

  test('a program ends within the time for strangers who hold its pipe', async () => {
    // A stranger: neither of the session nor with the token.
    const { heard } = await harness.start(client, harness.spec('/bin/sh', ['-c', 'echo $$; exec sleep 300']));
    const pid = await until('pid', () => Number(heard.text('stdout')) || null);
    const holder = await harness.start(
      client,
      harness.shell(`exec 9>/proc/${pid}/fd/1 && echo held && exec sleep 300`),
    );
    if (spawner === 'posix_spawn') await until('held', () => holder.heard.text('stdout') === 'held\n');
    kill(pid);
    expect(await harness.ended(heard)).toMatchObject({ signal: 'SIGKILL', leftBehind: 0 });
  });
});

describe('programs by posix_spawn alone', () => {
  beforeEach(async () => {
    harness = new LauncherHarness();
    client = await harness.client();
  });

  test('stdout and stderr can be opened by name', async () => {
    const { heard } = await harness.run(client, harness.shell('echo x > /dev/stderr; echo y > /dev/stdout'));
    expect([heard.text('stdout'), heard.text('stderr')]).toEqual(['y\n', 'x\n']);
  });

  test('CPU time is measured', async () => {
    const { end } = await harness.run(
      client,
      harness.shell('i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'),
    );
    expect(end.cpuUserMs).toBeGreaterThan(20);
  });

  test("the largest size is measured where it is above the launcher's own, and 0 where that hides it", async () => {
    const large = await harness.run(client, harness.shell('head -c 200m /dev/zero | tail | wc -c'));
    expect(large.end.maxRssBytes).toBeGreaterThan(150_000_000);
    const small = await harness.run(client, harness.shell('true'));
    expect(small.end.maxRssBytes).toBe(0);
  });

  test('SIGPIPE has its default action', async () => {
    const { end } = await harness.run(client, harness.shell('kill -PIPE $$; echo alive'));
    expect(end.signal).toBe('SIGPIPE');
  });

  test('an orphan without session, group and token is ended, too', async () => {
    const { end } = await harness.run(
      client,
      harness.shell('env -i setsid /bin/sleep 300 >/dev/null 2>&1 & sleep 0.1'),
    );
    expect(end.leftBehind).toBe(1);
  });

  test('many short programs leave no zombie and no descriptor', async () => {
    const countDescriptors = (): number => readdirSync(`/proc/${harness.note(client)}/fd`).length;
    const before = countDescriptors();
    await Promise.all(Array.from({ length: 200 }, () => harness.run(client, harness.spec('true'))));
    expect(harness.strays()).toEqual([]);
    expect(countDescriptors()).toBeLessThanOrEqual(before);
  });
});

describe('isolation', () => {
  beforeEach(async () => {
    harness = new LauncherHarness();
    client = await harness.client();
  });

  test.runIf(process.getuid?.() === 0)('a program runs as another user, by name or number', async () => {
    const by = async (user: string, group: string | null): Promise<string> => {
      const spec = harness.shell('id -u; id -g; id -G', { cwd: '/', isolation: isolation({ user, group }) });
      return (await harness.run(client, spec)).heard.text('stdout');
    };
    expect(await by('nobody', null)).toBe('65534\n65534\n65534\n');
    expect(await by('54321', null)).toBe('54321\n54321\n54321\n');
    expect(await by('54321', '777')).toBe('54321\n777\n777\n');
  });

  test('limits hold, and exit code and signal stay exact', async () => {
    const limits = { openFiles: 40, cpuSeconds: 7 };
    const spec = harness.shell('ulimit -n; ulimit -t; nice; kill -9 $$', {
      isolation: isolation({ user: String(process.getuid?.()), limits, nice: 5 }),
    });
    const { end, heard } = await harness.run(client, spec);
    expect(heard.text('stdout')).toBe('40\n7\n5\n');
    expect(end.signal).toBe('SIGKILL');
  });

  test('an unknown user is a clear refusal', async () => {
    const spec = harness.shell('true', { isolation: isolation({ user: 'no-such-user' }) });
    expect(await harness.refused(client, spec)).toMatchObject({
      exitCode: 126,
      message: expect.stringContaining('no-such-user') as string,
    });
  });
});

describe('the folder of a launcher', () => {
  beforeEach(async () => {
    harness = new LauncherHarness();
    client = await harness.client();
  });
  const folder = (): string => join(harness.folder, 'launcher');

  test('whose socket was removed gets a new one, and the next worker finds the program', async () => {
    const spec = harness.shell('echo begun; sleep 60');
    const { heard } = await harness.start(client, spec);
    await until('some output', () => heard.next.stdout > 0);
    const pid = harness.note(client);
    rmSync(join(folder(), 'launcher.sock'));
    await until('a new socket', () => existsSync(join(folder(), 'launcher.sock')));
    await client.stop();
    const second = await harness.client();
    expect(second.launcherPid).toBe(pid);
    expect(second.held.map(({ key }) => key)).toEqual([spec.key]);
    second.forget(spec.key);
  });

  test('moved away with all that is in it: a worker finds the program in its new place', async () => {
    const spec = harness.shell('echo begun; sleep 60');
    const { heard } = await harness.start(client, spec);
    await until('some output', () => heard.next.stdout > 0);
    const pid = harness.note(client);
    await client.stop();
    renameSync(folder(), join(harness.folder, 'moved'));
    await until('a word', () =>
      readFileSync(join(harness.folder, 'moved', 'launcher.log'), 'utf8').includes('this launcher is moved'),
    );
    renameSync(join(harness.folder, 'moved'), join(harness.folder, 'again'));
    const second = new LauncherClient({ folder: join(harness.folder, 'again'), logger: silentLogger });
    await second.start();
    expect(second.launcherPid).toBe(pid);
    expect(second.held.map(({ key, ended }) => [key, ended])).toEqual([[spec.key, false]]);
    second.forget(spec.key);
    await second.stop();
    await until('the end of the launcher', () => !isAlive(pid));
  });

  test('found by a link that is gone later: what runs goes on, and a worker finds it without the link', async () => {
    const [real, link] = [join(harness.folder, 'real'), join(harness.folder, 'link')];
    mkdirSync(real);
    symlinkSync(real, link);
    const linked = await harness.client({ folder: join(link, 'launcher') });
    const spec = harness.shell('echo begun; sleep 60');
    const { heard } = await harness.start(linked, spec);
    await until('some output', () => heard.next.stdout > 0);
    const pid = harness.note(linked);
    await linked.stop();
    rmSync(link);
    const second = await harness.client({ folder: join(real, 'launcher') });
    expect(second.launcherPid).toBe(pid);
    expect(second.held.map(({ key, ended }) => [key, ended])).toEqual([[spec.key, false]]);
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    expect(words).toContain(join(realpathSync(real), 'launcher'));
    second.forget(spec.key);
  });

  test('whose record names a place that is gone, as after a restart of the machine: another one starts', async () => {
    const other = join(harness.folder, 'other');
    mkdirSync(other, { mode: 0o700 });
    writeFileSync(join(other, 'socket-path'), join(harness.folder, 'gone', 's'));
    const second = await harness.client({ folder: other });
    expect((await harness.run(second, harness.shell('exit 3'))).end.exitCode).toBe(3);
  });

  test('removed: what runs goes on while a worker is there, and ends with it, as the launcher does', async () => {
    const spec = harness.shell('echo begun; sleep 600 & sleep 600');
    const { started, heard } = await harness.start(client, spec);
    await until('some output', () => heard.next.stdout > 0);
    const pid = harness.note(client);
    const descriptor = openSync(join(folder(), 'launcher.log'), 'r');
    rmSync(folder(), { recursive: true });
    await until(
      'a word',
      () => readFileSync(descriptor, 'utf8').includes('this launcher is deleted') || null,
    );
    expect([isAlive(started.pid), heard.end, heard.lost]).toEqual([true, null, null]);
    await client.stop();
    await until('the end of program and launcher', () => !isAlive(started.pid) && !isAlive(pid));
    expect(harness.strays()).toEqual([]);
    closeSync(descriptor);
  });

  test('removed while nothing runs: the launcher ends, and the worker starts another one', async () => {
    const pid = harness.note(client);
    rmSync(folder(), { recursive: true });
    await until('another launcher', () => client.launcherPid !== null && client.launcherPid !== pid);
    harness.note(client);
    expect(isAlive(pid)).toBe(false);
    expect((await harness.run(client, harness.shell('exit 3'))).end.exitCode).toBe(3);
  });

  test('with a folder in the place of its journal is told by the worker in words', async () => {
    await client.stop();
    const other = join(harness.folder, 'other');
    mkdirSync(join(other, 'journal'), { recursive: true });
    chmodSync(other, 0o700);
    const broken = new LauncherClient({ folder: other, logger: silentLogger });
    await expect(broken.start()).rejects.toThrow(
      /The launcher did not start: .* a folder is in the place of a file\. Move it away \(EISDIR\)/,
    );
  });
});

describe('lives of worker and launcher', () => {
  beforeEach(async () => {
    harness = new LauncherHarness();
    client = await harness.client();
  });

  test('a new worker gets every byte once and the true exit code', async () => {
    const spec = harness.shell(
      'i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i; sleep 0.005; done; exit 7',
    );
    const { heard } = await harness.start(client, spec);
    await until('some output', () => heard.next.stdout > 200);
    const committed = { stdout: 100, stderr: 0 };
    client.committed(spec.key, committed);
    await client.stop();
    const before = heard.bytes('stdout');
    expect([heard.end, heard.lost]).toEqual([null, null]);

    const second = await harness.client();
    expect(second.held.map(({ key, ended }) => [key, ended])).toEqual([[spec.key, false]]);
    expect(second.startedBefore).toEqual([]);
    const rest = new Heard(committed);
    second.attach(spec.key, committed, rest);
    expect((await harness.ended(rest)).exitCode).toBe(7);
    const all = Buffer.concat([before.subarray(0, 100), rest.bytes('stdout')]).toString();
    expect(all).toBe(Array.from({ length: 200 }, (_, i) => `line ${i + 1}\n`).join(''));
    second.forget(spec.key);
  });

  test('a program that ended between two workers is told to the second, again and again until forgotten', async () => {
    const spec = harness.shell('echo out; exit 3');
    await harness.start(client, spec);
    await client.stop();
    for (let life = 0; life < 2; life += 1) {
      const next = await harness.client();
      const heard = new Heard();
      next.attach(spec.key, { stdout: 0, stderr: 0 }, heard);
      expect((await harness.ended(heard)).exitCode).toBe(3);
      expect(heard.text('stdout')).toBe('out\n');
      if (life === 1) next.forget(spec.key);
      await next.stop();
    }
    expect((await harness.client()).held).toEqual([]);
  });

  test('the second worker of one folder takes over from the first', async () => {
    const spec = harness.shell('sleep 300');
    const { heard } = await harness.start(client, spec);
    const second = await harness.client();
    await until('the first is told', () => heard.lost);
    expect(second.held.map(({ ended }) => ended)).toEqual([false]);
    second.forget(spec.key);
    await until('nothing left', () => harness.strays().length === 0);
  });

  test('a killed launcher loses its programs, and they are ended', async () => {
    const spec = harness.shell('(setsid sleep 300 &) ; echo up; sleep 300');
    const { heard, started } = await harness.start(client, spec);
    await until('up', () => heard.text('stdout') === 'up\n');
    const old = harness.note(client);
    kill(old);
    await until('lost', () => heard.lost);
    expect(heard.end).toBeNull();

    const after = await harness.run(client, harness.shell('echo next'));
    expect(harness.note(client)).not.toBe(old);
    expect(after.heard.text('stdout')).toBe('next\n');
    expect(isAlive(started.pid)).toBe(false);
    await until('nothing left', () => harness.strays().length === 0);

    expect(client.startedBefore).toEqual([spec.key]);
    await expect(client.launch(spec, new Heard())).rejects.toThrow('launched before');
    client.forget(spec.key);
    await client.stop();
    expect((await harness.client()).startedBefore).toEqual([]);
  });

  test('a launcher killed while no worker was there: the next one ends what is left and names it', async () => {
    const spec = harness.shell('sleep 300 & sleep 300');
    const { started } = await harness.start(client, spec);
    const old = harness.note(client);
    await client.stop();
    kill(old);
    const next = await harness.client();
    expect(next.held).toEqual([]);
    expect(next.startedBefore).toEqual([spec.key]);
    expect(isAlive(started.pid)).toBe(false);
    expect(harness.strays()).toEqual([]);
    const heard = new Heard();
    next.attach(spec.key, { stdout: 0, stderr: 0 }, heard);
    await until('unknown', () => heard.lost);
    next.forget(spec.key);
  });

  test('a launch during the outage waits for the next launcher', async () => {
    kill(harness.note(client));
    await until('the outage', () => client.launcherPid === null);
    const { end } = await harness.run(client, harness.shell('exit 4'));
    expect(end.exitCode).toBe(4);
    harness.note(client);
  });

  test('SIGTERM ends the launcher only when it holds nothing, SIGINT and SIGHUP never', async () => {
    const spec = harness.shell('sleep 300');
    const { heard } = await harness.start(client, spec);
    const launcher = harness.note(client);
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.kill(launcher, signal);
    const { end } = await harness.run(client, harness.shell('exit 0'));
    expect(end.exitCode).toBe(0);
    client.signal(spec.key, 'SIGKILL');
    await harness.ended(heard);
    client.forget(spec.key);
    await client.stop();
    process.kill(launcher, 'SIGTERM');
    await until('the launcher has ended', () => !isAlive(launcher));
  });

  test('a launcher that holds nothing ends soon after its worker, by itself', async () => {
    const folder = join(harness.folder, 'usual');
    const usual = new LauncherClient({ folder, logger: silentLogger });
    await usual.start();
    const pid = harness.note(usual);
    expect(isAlive(pid)).toBe(true);
    await usual.stop();
    await until('the launcher has ended', () => !isAlive(pid));
  });

  test('an idle launcher without a worker ends by itself', async () => {
    await harness.stop();
    harness = new LauncherHarness();
    const short = await harness.client({ idleSeconds: 0.05 });
    const launcher = harness.note(short);
    const spec = harness.shell('exit 0');
    const { heard } = await harness.start(short, spec);
    await harness.ended(heard);
    short.forget(spec.key);
    expect(isAlive(launcher)).toBe(true);
    await short.stop();
    await until('the launcher has ended', () => !isAlive(launcher));
  });
});

describe('a fenced program', () => {
  const leaseMs = 2_000;

  beforeEach(async () => {
    harness = new LauncherHarness();
    client = await harness.client();
  });

  test('is ended with all it started before its lease is over, though it heeds no signal and nobody is connected', async () => {
    const sentMs = machineMs();
    const [times, orphan] = [join(harness.folder, 'times'), join(harness.folder, 'orphan')];
    const tell = (file: string): string => `while :; do cat /proc/uptime >> ${file}; sleep 0.02; done`;
    const code = `trap '' TERM; setsid sh -c "${tell(orphan)}" & ${tell(times)}`;
    const spec = harness.shell(code, { fence: { sentMs, leaseMs } });
    await harness.start(client, spec);
    await client.stop();
    await until('all is gone', () => machineMs() > sentMs + leaseMs && harness.strays().length === 0);
    const { askAfterMs } = leaseTimes(leaseMs);
    for (const file of [times, orphan]) {
      const last = Number(readFileSync(file, 'utf8').trim().split('\n').at(-1)?.split(' ')[0]) * 1000;
      expect(last).toBeLessThan(sentMs + leaseMs);
      expect(last).toBeGreaterThan(sentMs + askAfterMs - 200);
    }
    const second = await harness.client();
    const heard = new Heard();
    second.attach(spec.key, { stdout: 0, stderr: 0 }, heard);
    const end = await harness.ended(heard);
    expect(end).toMatchObject({ signal: 'SIGKILL', wasFenced: true });
    expect(end.leftBehind).toBeGreaterThan(0);
  });

  test('runs on while beats are confirmed, as long as the newest of them tells, and others are left alone', async () => {
    const fenced = harness.shell('sleep 300', { fence: { sentMs: machineMs(), leaseMs } });
    const free = harness.shell('sleep 300');
    const [one, other] = [await harness.start(client, fenced), await harness.start(client, free)];
    const until3 = machineMs() + 3 * leaseMs;
    let sentMs = 0;
    await until('three leases are over', () => {
      sentMs = machineMs();
      client.confirm({ sentMs, leaseMs }, [fenced.key]);
      return sentMs > until3;
    });
    expect(one.heard.end).toBeNull();
    // An answer that comes late tells when its beat was sent.
    await until('the beat is old', () => machineMs() > sentMs + leaseMs / 2);
    client.confirm({ sentMs: sentMs + 1, leaseMs }, [fenced.key]);
    expect(await harness.ended(one.heard)).toMatchObject({ signal: 'SIGTERM', wasFenced: true });
    expect(machineMs()).toBeLessThan(sentMs + leaseMs);
    expect(other.heard.end).toBeNull();
    client.signal(free.key, 'SIGTERM');
    expect(await harness.ended(other.heard)).toMatchObject({ signal: 'SIGTERM', wasFenced: false });
  });

  test('that was not one is one from the first beat on that names it', async () => {
    const spec = harness.shell('sleep 300');
    const { heard } = await harness.start(client, spec);
    client.confirm({ sentMs: machineMs(), leaseMs: 500 }, [spec.key]);
    expect(await harness.ended(heard)).toMatchObject({ signal: 'SIGTERM', wasFenced: true });
  });

  test('is not begun when it would be ended at once', async () => {
    const file = join(harness.folder, 'ran');
    const fence = { sentMs: machineMs() - leaseMs, leaseMs };
    const answer = await harness.refused(client, harness.shell(`touch ${file}`, { fence }));
    expect(answer).toMatchObject({ isTooLate: true });
    expect(readdirSync(harness.folder)).not.toContain('ran');
  });
});

describe('a launcher of an earlier version', () => {
  test('goes on with its programs, starts others, and is replaced once it holds none', async () => {
    harness = new LauncherHarness();
    const older = await startOlderLauncher(join(harness.folder, 'launcher'), 3);
    const spec = harness.shell('echo before; sleep 300');
    await older.launch(spec);
    client = await harness.client();
    const pid = harness.note(client);
    expect(pid).toBe(older.pid);
    expect(client.held).toMatchObject([{ key: spec.key, ended: false }]);
    const heard = new Heard();
    client.attach(spec.key, { stdout: 0, stderr: 0 }, heard);
    await until('its output', () => heard.text('stdout') === 'before\n');
    client.confirm({ sentMs: machineMs(), leaseMs: 60_000 }, [spec.key]);
    const { end } = await harness.run(client, harness.shell('exit 4'));
    expect(end.exitCode).toBe(4);
    expect(harness.note(client)).toBe(older.pid);
    client.signal(spec.key, 'SIGTERM');
    expect(await harness.ended(heard)).toMatchObject({ signal: 'SIGTERM' });
    client.forget(spec.key);
    await until('the older one has ended', () => !isAlive(older.pid));
    const { end: next } = await harness.run(client, harness.shell('exit 5'));
    expect(next.exitCode).toBe(5);
    expect(harness.note(client)).not.toBe(older.pid);
  });

  test('that holds nothing is replaced at once', async () => {
    harness = new LauncherHarness();
    const older = await startOlderLauncher(join(harness.folder, 'launcher'), 3);
    client = await harness.client();
    expect(harness.note(client)).not.toBe(older.pid);
    await until('the older one has ended', () => !isAlive(older.pid));
  });
});

describe('output that nobody commits', () => {
  test('spills to the file, blocks the program when that is full, and arrives complete', async () => {
    harness = new LauncherHarness({ memoryBytes: 200_000, spillBytes: 1_000_000 });
    client = await harness.client();
    const spec = harness.shell('seq 1 600000; exit 9');
    await harness.start(client, spec);
    await client.stop();
    const spill = join(harness.folder, 'launcher', 'spill');
    await until(
      'the file is full',
      () => (statSync(spill, { throwIfNoEntry: false })?.size ?? 0) >= 1_000_000,
    );
    const second = await harness.client();
    expect(second.held.map(({ ended }) => ended)).toEqual([false]);
    const heard: Heard = new Heard(undefined, () => second.committed(spec.key, heard.next));
    second.attach(spec.key, { stdout: 0, stderr: 0 }, heard);
    expect((await harness.ended(heard)).exitCode).toBe(9);
    const expected = Array.from({ length: 600_000 }, (_, i) => `${i + 1}\n`).join('');
    expect(heard.bytes('stdout').equals(Buffer.from(expected))).toBe(true);
    second.forget(spec.key);
    await until('the file is empty', () => statSync(spill).size === 0);
  });

  test('no more than the window is sent ahead of the commits', async () => {
    harness = new LauncherHarness();
    client = await harness.client();
    const spec = harness.spec('head', ['-c', '20000000', '/dev/zero']);
    const { heard } = await harness.start(client, spec);
    await until('the window is full', () => heard.next.stdout >= 8 * 1024 * 1024);
    const { end } = await harness.run(client, harness.shell('exit 0'));
    expect(end.exitCode).toBe(0);
    expect(heard.next.stdout).toBeLessThan(8.2 * 1024 * 1024);
    for (let committed = 0; !heard.end;) {
      await until('more', () => heard.next.stdout > committed || heard.end);
      committed = heard.next.stdout;
      client.committed(spec.key, heard.next);
    }
    expect(heard.next.stdout).toBe(20_000_000);
    client.forget(spec.key);
  });
});
