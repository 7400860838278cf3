import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { removeFileSync } from './remove.ts';

/**
 * An exclusive lock of a directory, held by a living process; Node has no flock.
 *
 * The lock is a row of files `<name>.lock.<n>`, of which only the highest number counts. It names its holder by
 * process id, start time and boot, so that an id given out again is not taken for the holder.
 *
 * - Taking: when the highest file is released or its holder is dead, link the next number. Linking is exclusive and
 *   shows the complete content at once. Then look again: a higher number means that ours is history; start over.
 * - Releasing: replace the own file by one without a holder. It stays, so that numbers only ever grow.
 *
 * Two cannot hold it: whoever makes number n+1 has seen n without a living holder, and only one can make n+1. Someone
 * who slept since then and makes a number that was cleared away in between sees the higher one when looking again.
 * Removing the stale file first, as pid files usually do, lets a slow starter remove the lock of a fast one.
 */
export interface DirectoryLock {
  /** Twice is fine. */
  release(): void;
}

export interface LockHolder {
  pid: number;
  /** Clock ticks since boot, from /proc; empty where there is no /proc. */
  startTime: string;
  bootId: string;
}

export interface LockOptions {
  /** Different names are different locks. */
  name: string;
}

/** @throws Error when a living process holds the lock; the message names it */
export function lockDirectory(
  directory: string,
  options: LockOptions & { holderTitle: string },
): DirectoryLock {
  const result = tryLockDirectory(directory, options);
  if ('lock' in result) return result.lock;
  throw new DirectoryInUseError(
    `${options.holderTitle} (pid ${result.heldBy.pid}) already uses this data directory: ${directory}`,
    result.heldBy,
  );
}

export class DirectoryInUseError extends Error {
  readonly holder: LockHolder;

  constructor(message: string, holder: LockHolder) {
    super(message);
    this.name = 'DirectoryInUseError';
    this.holder = holder;
  }
}

/** Takes the lock, or says who has it. Makes the directory when it is missing. */
export function tryLockDirectory(
  directory: string,
  options: LockOptions,
): { lock: DirectoryLock } | { heldBy: LockHolder } {
  mkdirSync(directory, { recursive: true });
  const { name } = options;
  for (;;) {
    const top = highest(directory, name);
    const holder = top === 0 ? undefined : readHolder(lockFile(directory, name, top));
    if (holder && isAlive(holder)) return { heldBy: holder };
    const mine = top + 1;
    if (!place(directory, name, mine, describeProcess(process.pid))) continue;
    if (highest(directory, name) > mine) {
      removeFileSync(lockFile(directory, name, mine));
      continue;
    }
    for (const number of numbers(directory, name)) {
      if (number < mine) removeFileSync(lockFile(directory, name, number));
    }
    return { lock: createLock(directory, name, mine) };
  }
}

/** Who holds the lock now, if a living process does; nobody does when there is no such directory. */
export function lockHolder(directory: string, options: LockOptions): LockHolder | undefined {
  if (!existsSync(directory)) return undefined;
  const top = highest(directory, options.name);
  const holder = top === 0 ? undefined : readHolder(lockFile(directory, options.name, top));
  return holder && isAlive(holder) ? holder : undefined;
}

function createLock(directory: string, name: string, mine: number): DirectoryLock {
  let isHeld = true;
  return {
    release: () => {
      if (!isHeld) return;
      isHeld = false;
      // Another folder stands in its place: what was locked is elsewhere now, and nothing here is ours.
      if (!existsSync(lockFile(directory, name, mine))) return;
      const file = temporaryFile(directory, name);
      try {
        writeFileSync(file, '{}');
        renameSync(file, lockFile(directory, name, mine));
      } catch (error) {
        // Somebody removed the whole directory: nothing is left to release.
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    },
  };
}

function place(directory: string, name: string, number: number, holder: LockHolder): boolean {
  const file = temporaryFile(directory, name);
  writeFileSync(file, JSON.stringify(holder));
  try {
    linkSync(file, lockFile(directory, name, number));
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    removeFileSync(file);
  }
}

let temporaryFiles = 0;

function temporaryFile(directory: string, name: string): string {
  return join(directory, `.${name}.lock-${process.pid}-${(temporaryFiles += 1)}`);
}

function lockFile(directory: string, name: string, number: number): string {
  return join(directory, `${name}.lock.${number}`);
}

function highest(directory: string, name: string): number {
  return Math.max(0, ...numbers(directory, name));
}

function numbers(directory: string, name: string): number[] {
  const prefix = `${name}.lock.`;
  return readdirSync(directory)
    .filter((file) => file.startsWith(prefix) && /^\d+$/.test(file.slice(prefix.length)))
    .map((file) => Number(file.slice(prefix.length)));
}

function readHolder(file: string): LockHolder | undefined {
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as Partial<LockHolder>;
    const { pid, startTime = '', bootId = '' } = content;
    return typeof pid === 'number' ? { pid, startTime, bootId } : undefined;
  } catch (error) {
    // Cleared away by a newer holder, or cut short by a crash of the machine.
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isAlive(holder: LockHolder): boolean {
  const now = describeProcess(holder.pid);
  if (holder.bootId !== now.bootId) return false;
  if (holder.startTime !== '' || now.startTime !== '') return holder.startTime === now.startTime;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function describeProcess(pid: number): LockHolder {
  return {
    pid,
    startTime: processStartTime(pid) ?? '',
    bootId: read('/proc/sys/kernel/random/boot_id').trim(),
  };
}

/** When the process began, in clock ticks since boot; undefined when it is gone, a zombie, or there is no /proc. */
export function processStartTime(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses and may itself contain blanks and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
