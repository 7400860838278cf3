import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockDirectory, lockHolder, tryLockDirectory } from './directory-lock.ts';

let folder = '';
const name = 'server';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-lock-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const moduleUrl = new URL('directory-lock.ts', import.meta.url).href;

function script(body: string): string[] {
  const header = `import { lockDirectory, tryLockDirectory } from ${JSON.stringify(moduleUrl)};\nconst folder = ${JSON.stringify(folder)};\n`;
  return ['--input-type=module', '-e', header + body];
}

it('a second holder is refused by a sentence that names the first', () => {
  const lock = lockDirectory(folder, { name, holderTitle: 'A server' });
  expect(() => lockDirectory(folder, { name, holderTitle: 'A server' })).toThrow(
    `A server (pid ${process.pid}) already uses this data directory`,
  );
  lock.release();
});

it('a released lock can be taken again, and releasing twice harms nobody', () => {
  const first = lockDirectory(folder, { name, holderTitle: 'A server' });
  first.release();
  const second = lockDirectory(folder, { name, holderTitle: 'A server' });
  first.release();
  expect(lockHolder(folder, { name })?.pid).toBe(process.pid);
  second.release();
  expect(lockHolder(folder, { name })).toBeUndefined();
});

it('the lock of a killed process is taken over', () => {
  const body = `lockDirectory(folder, { name: 'server', holderTitle: 'A server' }); process.kill(process.pid, 'SIGKILL');`;
  expect(spawnSync(process.execPath, script(body)).signal).toBe('SIGKILL');
  expect('lock' in tryLockDirectory(folder, { name })).toBe(true);
  expect(readdirSync(folder).filter((file) => file.startsWith('server.lock.'))).toHaveLength(1);
});

it('a process id that was given out again is not taken for the holder', () => {
  writeFileSync(
    join(folder, 'server.lock.4'),
    JSON.stringify({ pid: process.pid, startTime: '1', bootId: 'x' }),
  );
  expect('lock' in tryLockDirectory(folder, { name })).toBe(true);
});

it('a lock file cut short by a crash does not block for ever', () => {
  writeFileSync(join(folder, 'server.lock.1'), '{"pid":');
  expect('lock' in tryLockDirectory(folder, { name })).toBe(true);
});

it('of many processes that race for a stale lock, never two hold it at once', async () => {
  writeFileSync(join(folder, 'server.lock.9'), JSON.stringify({ pid: 1, startTime: 'never', bootId: 'x' }));
  // Holding means: the exclusive file is mine. Were there two holders, creating it would fail.
  const body = `
    import { writeFileSync, unlinkSync } from 'node:fs';
    let taken = 0;
    const until = Date.now() + 10000;
    while (taken < 60 && Date.now() < until) {
      const result = tryLockDirectory(folder, { name: 'server' });
      if (!('lock' in result)) continue;
      writeFileSync(folder + '/exclusive', '', { flag: 'wx' });
      unlinkSync(folder + '/exclusive');
      result.lock.release();
      taken += 1;
    }
    process.exit(taken === 60 ? 0 : 2);`;
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, script(body), { stdio: 'inherit' }),
  );
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0] as number));
  expect(codes).toEqual([0, 0, 0, 0]);
}, 30_000);
