import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { removeEmptyFolderSync } from '../lib/remove.ts';

/**
 * Control groups of version 2, where the system lets us have them: the group above our own belongs to us, holds no
 * process itself and offers `memory` and `pids`. systemd makes it so for a service with `Delegate=yes` and
 * `DelegateSubgroup=daybook`. Everywhere else limits are watched (program-watch.ts).
 */
export interface CgroupLimits {
  memoryBytes?: number | undefined;
  processes?: number | undefined;
}

export interface CgroupReading {
  memoryBytes: number;
  peakMemoryBytes: number | null;
  cpuMs: number;
  processes: number;
  readBytes: number | null;
  writtenBytes: number | null;
  /** Processes that the kernel ended because the group had no memory left. */
  oomKills: number;
  /** Forks that the kernel refused. */
  refusedForks: number;
}

const needed = ['memory', 'pids'] as const;
const wanted = [...needed, 'cpu', 'io'] as const;

/** The group to make groups in, with its controllers switched on; null where there is none. */
export function openDelegatedCgroup(ownPath = readOwnPath(), root = '/sys/fs/cgroup'): string | null {
  if (ownPath === null || ownPath === '/') return null;
  const folder = join(root, dirname(ownPath));
  try {
    accessSync(join(folder, 'cgroup.subtree_control'), constants.W_OK);
    const offered = words(join(folder, 'cgroup.controllers'));
    if (!needed.every((name) => offered.includes(name))) return null;
    for (const name of wanted)
      if (offered.includes(name)) writeFileSync(join(folder, 'cgroup.subtree_control'), `+${name}`);
    return folder;
  } catch {
    return null; // version 1, not delegated, or processes beside us
  }
}

/** The group of one program. */
export class Cgroup {
  readonly #folder: string;

  /** @throws when it cannot be made */
  constructor(parent: string, name: string, limits: CgroupLimits) {
    this.#folder = join(parent, `daybook-${name}`);
    // Whatever the umask: a group that programs have must not write here.
    mkdirSync(this.#folder, { mode: 0o755 });
    if (limits.memoryBytes !== undefined) {
      this.#write('memory.max', String(Math.floor(limits.memoryBytes)));
      this.#write('memory.oom.group', '1');
      this.#tryWrite('memory.swap.max', '0');
    }
    if (limits.processes !== undefined) this.#write('pids.max', String(limits.processes));
  }

  /** Words to put before a program's own: it enters the group before it is anything else. */
  get words(): string[] {
    return ['/bin/sh', '-c', 'echo $$ > "$0" && exec "$@"', join(this.#folder, 'cgroup.procs')];
  }

  read(): CgroupReading {
    const cpu = fields(this.#read('cpu.stat'));
    const io = this.#read('io.stat');
    return {
      memoryBytes: Number(this.#read('memory.current') ?? 0),
      peakMemoryBytes: toNumber(this.#read('memory.peak')),
      cpuMs: (cpu['usage_usec'] ?? 0) / 1000,
      processes: Number(this.#read('pids.current') ?? 0),
      readBytes: sumOf(io, 'rbytes'),
      writtenBytes: sumOf(io, 'wbytes'),
      oomKills: fields(this.#read('memory.events'))['oom_kill'] ?? 0,
      refusedForks: fields(this.#read('pids.events'))['max'] ?? 0,
    };
  }

  /** Whatever is in it, also what shows neither session nor token. */
  kill(): void {
    this.#tryWrite('cgroup.kill', '1');
  }

  /** To be called again when processes are still leaving. */
  remove(): boolean {
    try {
      return removeEmptyFolderSync(this.#folder);
    } catch {
      return false;
    }
  }

  #write(file: string, value: string): void {
    writeFileSync(join(this.#folder, file), value);
  }

  #tryWrite(file: string, value: string): void {
    try {
      this.#write(file, value);
    } catch {
      // swap accounting may be off; cgroup.kill came with Linux 5.14
    }
  }

  #read(file: string): string | null {
    try {
      return readFileSync(join(this.#folder, file), 'latin1');
    } catch {
      return null; // the controller is off, or the kernel older than the file
    }
  }
}

/** The line of version 2 in /proc/self/cgroup. */
function readOwnPath(): string | null {
  try {
    return /^0::(.+)$/m.exec(readFileSync('/proc/self/cgroup', 'latin1'))?.[1] ?? null;
  } catch {
    return null;
  }
}

function words(path: string): string[] {
  return readFileSync(path, 'latin1').trim().split(/\s+/);
}

/** `name value` a line. */
function fields(text: string | null): Record<string, number> {
  const lines = (text ?? '').trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => line.split(' ')).map(([name, value]) => [name, Number(value)]),
  );
}

/** `8:0 rbytes=1 wbytes=2 …` a line, one for each device; null without the file. */
function sumOf(text: string | null, name: string): number | null {
  if (text === null) return null;
  const found = text.matchAll(new RegExp(`\\b${name}=(\\d+)`, 'g'));
  return found.reduce((sum, [, digits]) => sum + Number(digits), 0);
}

function toNumber(text: string | null): number | null {
  return text === null ? null : Number(text);
}
