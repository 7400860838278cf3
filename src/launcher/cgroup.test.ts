import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cgroup, openDelegatedCgroup } from './cgroup.ts';

/** Files as the kernel shows them; what it does with them cannot be tried without such a kernel. */
let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'daybook-cgroup-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function delegate(controllers: string): void {
  mkdirSync(join(root, 'system.slice/daybook.service/daybook'), { recursive: true });
  const folder = join(root, 'system.slice/daybook.service');
  writeFileSync(join(folder, 'cgroup.controllers'), controllers);
  writeFileSync(join(folder, 'cgroup.subtree_control'), '');
}

const own = '/system.slice/daybook.service/daybook';

describe('a delegated group', () => {
  it('is the one above our own, where it offers memory and pids', () => {
    delegate('cpu io memory pids\n');
    expect(openDelegatedCgroup(own, root)).toBe(join(root, 'system.slice/daybook.service'));
  });

  it.each([['cpu io'], ['memory'], ['']])('is none where it offers only "%s"', (controllers) => {
    delegate(controllers);
    expect(openDelegatedCgroup(own, root)).toBeNull();
  });

  it('is none at the root, without version 2, or where there is none above', () => {
    expect(openDelegatedCgroup('/', root)).toBeNull();
    expect(openDelegatedCgroup(null, root)).toBeNull();
    expect(openDelegatedCgroup(own, root)).toBeNull();
  });
});

describe('the group of a program', () => {
  it('gets its limits before anything runs in it', () => {
    const group = new Cgroup(root, '1-1', { memoryBytes: 1e6, processes: 5 });
    const read = (file: string): string => readFileSync(join(root, 'daybook-1-1', file), 'utf8');
    expect([read('memory.max'), read('memory.oom.group'), read('pids.max')]).toEqual(['1000000', '1', '5']);
    expect(group.words.at(-1)).toBe(join(root, 'daybook-1-1/cgroup.procs'));
    group.kill();
    expect(read('cgroup.kill')).toBe('1');
  });

  it('sets no limit that was not asked for', () => {
    const group = new Cgroup(root, '1-2', { processes: 5 });
    expect(group.words.at(-1)).toContain('daybook-1-2');
    expect(existsSync(join(root, 'daybook-1-2/memory.max'))).toBe(false);
  });

  it('tells what was used and what the kernel refused', () => {
    const group = new Cgroup(root, '1-3', {});
    const put = (file: string, text: string): void => writeFileSync(join(root, 'daybook-1-3', file), text);
    put('memory.current', '4096\n');
    put('memory.peak', '8192\n');
    put('memory.events', 'low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n');
    put('pids.current', '7\n');
    put('pids.events', 'max 4\n');
    put('cpu.stat', 'usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n');
    put('io.stat', '8:0 rbytes=100 wbytes=20 rios=1\n8:16 rbytes=1 wbytes=2 rios=1\n');
    expect(group.read()).toEqual({
      memoryBytes: 4096,
      peakMemoryBytes: 8192,
      cpuMs: 1.5,
      processes: 7,
      readBytes: 101,
      writtenBytes: 22,
      oomKills: 2,
      refusedForks: 4,
    });
  });

  it('does not make up what the kernel does not tell', () => {
    expect(new Cgroup(root, '1-4', {}).read()).toMatchObject({
      peakMemoryBytes: null,
      readBytes: null,
      oomKills: 0,
    });
  });
});
