import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkProgram } from './find-program.ts';
import type { Isolation, StartRefused } from './protocol.ts';

/** Not the PATH of the program: which setpriv runs as root is not its choice. */
const systemFolders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];
const CAP_SETUID = 7n;

export interface UserEntry {
  uid: number;
  gid: number;
}

export interface Isolated {
  words: string[];
  /** Null: nobody is switched to. */
  owner: UserEntry | null;
}

export type FindUser = (user: string) => UserEntry | null;

/** The words to put before a program's own, or why not. Each exec()s the next, so pid and signals stay exact. */
export function isolate(isolation: Isolation, findUser: FindUser = findLocalUser): Isolated | StartRefused {
  const prefix: string[] = [];
  const limits = limitWords(isolation);
  if (limits.length > 0) {
    const prlimit = findSystemTool('prlimit');
    if (!prlimit) return refuse('limits were asked for, but prlimit (util-linux) is not installed');
    prefix.push(prlimit, ...limits, '--');
  }
  const { user, group, nice } = isolation;
  if (nice !== null && nice > 0) {
    const tool = findSystemTool('nice');
    if (!tool) return refuse('a niceness was asked for, but nice (coreutils) is not installed');
    prefix.push(tool, '-n', String(nice));
  }
  if (user === null) return { words: prefix, owner: null };
  const entry = findUser(user);
  const isNumber = /^\d+$/.test(user);
  if (!entry && !isNumber) return refuse(`there is no user ${user}`);
  const uid = entry?.uid ?? Number(user);
  if (uid === process.getuid?.() && group === null) return { words: prefix, owner: null };
  const setpriv = findSystemTool('setpriv');
  if (!setpriv) return refuse(`it is to run as ${user}, but setpriv (util-linux) is not installed`);
  if (!mayChangeUser())
    return refuse(`it is to run as ${user}, but the worker may not change users (it is not root)`);
  prefix.push(setpriv, '--reuid', String(uid), '--regid', group ?? String(entry?.gid ?? uid));
  // Other groups are found by name, so a number without an entry has none.
  prefix.push(entry ? '--init-groups' : '--clear-groups', '--');
  return { words: prefix, owner: { uid, gid: entry?.gid ?? uid } };
}

/**
 * What the kernel itself holds. Its limit on CPU time is that of each process, so the sum is watched besides. Memory is
 * not among them: the kernel limits address space only, which many programs reserve without using it; nor is the number
 * of processes, which it counts by user.
 */
function limitWords({ limits, killGraceMs }: Isolation): string[] {
  const words: string[] = [];
  const { cpuSeconds, openFiles } = limits;
  if (cpuSeconds !== undefined) {
    // SIGXCPU at the first, SIGKILL at the second.
    const soft = Math.ceil(cpuSeconds);
    words.push(`--cpu=${soft}:${soft + Math.ceil(killGraceMs / 1000)}`);
  }
  if (openFiles !== undefined) words.push(`--nofile=${openFiles}`);
  return words;
}

function findSystemTool(name: string): string | null {
  return (
    systemFolders.map((folder) => join(folder, name)).find((path) => checkProgram(path) === 'fit') ?? null
  );
}

function findLocalUser(user: string): UserEntry | null {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name === user || uid === user) return { uid: Number(uid), gid: Number(gid) };
  }
  return null;
}

function mayChangeUser(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> CAP_SETUID) & 1n) === 1n;
}

function refuse(why: string): StartRefused {
  return { exitCode: 126, message: `The program cannot be started: ${why}.` };
}
