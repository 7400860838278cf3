import { readFileSync, readdirSync } from 'node:fs';
import { readProcess } from '../../../src/launcher/proc.ts';
import { pollUntil } from '../poll.ts';

/** A process that belongs to a data directory, and what it is there. */
export interface FoundProcess {
  pid: number;
  role: 'launcher' | 'postmaster' | 'program';
  /** Of a program: which attempt it, or its parent, was started for. */
  attempt: { jobId: number; number: number } | null;
  /** Of a program: the one that was started, not a child of it. */
  isMain: boolean;
}

/**
 * What a data directory started, told by command line (launcher, postmaster) and by environment (programs). Servers
 * are not among them: whoever started one knows it.
 */
export function findProcesses(dataDirectory: string): FoundProcess[] {
  return listPids().flatMap((pid) => describe(pid, dataDirectory) ?? []);
}

function describe(pid: number, dataDirectory: string): FoundProcess | null {
  const command = read(`/proc/${pid}/cmdline`);
  if (command === '') return null;
  const words = command.split('\0');
  const isLauncher = (text: string): boolean => text.split('\0').includes(`${dataDirectory}/launcher`);
  if (isLauncher(command)) {
    // Between vfork and exec a program looks like its launcher.
    const parent = readProcess(pid)?.parent ?? 0;
    if (isLauncher(read(`/proc/${parent}/cmdline`))) return null;
    return { pid, role: 'launcher', attempt: null, isMain: true };
  }
  if (words[1] === '-D' && words[2]?.startsWith(`${dataDirectory}/`)) {
    return { pid, role: 'postmaster', attempt: null, isMain: true };
  }
  const environment = new Map(
    read(`/proc/${pid}/environ`)
      .split('\0')
      .map((entry): [string, string] => {
        const at = entry.indexOf('=');
        return [entry.slice(0, at), entry.slice(at + 1)];
      }),
  );
  if (environment.get('HOME') !== `${dataDirectory}/homedir`) return null;
  const token = environment.get('DAYBOOK_ATTEMPT_TOKEN');
  if (token === undefined) return null;
  const attempt = {
    jobId: Number(environment.get('DAYBOOK_JOB_ID')),
    number: Number(environment.get('DAYBOOK_ATTEMPT')),
  };
  // A child may have a session of its own as well, but is no script.
  const isScript = words.some((word) => word.startsWith(`${dataDirectory}/scripts/`));
  return { pid, role: 'program', attempt, isMain: isScript && readProcess(pid)?.session === pid };
}

/** Dead children that these processes did not collect. */
export function zombiesOf(parents: readonly number[]): number[] {
  return listPids().filter((pid) => {
    const facts = readProcess(pid);
    return facts !== null && facts.isZombie && parents.includes(facts.parent);
  });
}

export function isAlive(pid: number): boolean {
  const facts = readProcess(pid);
  return facts !== null && !facts.isZombie;
}

/** False when it was gone already. */
export function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Ends everything that a data directory started, hard. */
export async function endProcesses(dataDirectory: string): Promise<void> {
  await pollUntil(
    () => {
      const found = findProcesses(dataDirectory);
      for (const { pid, role } of found) send(pid, role === 'postmaster' ? 'SIGQUIT' : 'SIGKILL');
      return found.map(({ pid, role }) => `${role} ${pid}`);
    },
    (found) => found.length === 0,
    { deadlineMs: 30_000 },
  );
}

function listPids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // ended meanwhile, or not ours to read
  }
}
