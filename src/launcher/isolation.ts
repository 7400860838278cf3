import { findSystemTool, refuse } from './system-tools.ts';
import type { Isolation, StartRefused } from './protocol.ts';
import type { UserEntry, UserSwitches } from './switch-user.ts';

export interface Isolated {
  words: string[];
  /** Null: nobody is switched to. */
  owner: UserEntry | null;
}

/** The words to put before a program's own, or why not. Each exec()s the next, so pid and signals stay exact. */
export function isolate(isolation: Isolation, switches: UserSwitches): Isolated | StartRefused {
  const prefix: string[] = [];
  const limits = limitWords(isolation);
  if (limits.length > 0) {
    const prlimit = findSystemTool('prlimit');
    if (!prlimit) return refuse('limits were asked for, but prlimit (util-linux) is not installed');
    prefix.push(prlimit, ...limits, '--');
  }
  const { user, group, groupsOf, nice } = isolation;
  if (nice !== null && nice > 0) {
    const tool = findSystemTool('nice');
    if (!tool) return refuse('a niceness was asked for, but nice (coreutils) is not installed');
    prefix.push(tool, '-n', String(nice));
  }
  if (user === null) return { words: prefix, owner: null };
  const change = switches.find(user, group, groupsOf);
  if (change === null) return { words: prefix, owner: null };
  if ('exitCode' in change) return change;
  return { words: [...prefix, ...change.words], owner: change.owner };
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
