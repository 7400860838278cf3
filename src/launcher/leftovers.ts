import { closeSync, openSync, readSync } from 'node:fs';
import { carriesToken, listPids, readProcess, type ProcessFacts } from './proc.ts';
import type { JournalEntry } from './journal.ts';
import type { StartTicks } from './protocol.ts';
import type { Spawner } from './spawner.ts';

export interface MainProcess {
  pid: number;
  startTicks: StartTicks | null;
  token: string | null;
}

export interface OtherPrograms {
  isMain(pid: number): boolean;
  /**
   * A program that still runs or is being started, since before that moment: an orphan may be its own, and who seems to
   * be an orphan may be that program itself, whose number is not known yet.
   */
  couldOwn(startTicks: number): boolean;
}

/** More forks than that during one program, and all processes are listed instead. */
const maxProbes = 256;

/**
 * Finds what a program left behind: processes of its session, and those that left the session but still carry
 * its token. Listing /proc for each /bin/true would cost as much as running it, so there is a quick question first.
 */
export class Leftovers {
  readonly #spawner: Spawner;
  readonly #others: OtherPrograms;
  /**
   * Kept open: opening costs three times the reading. Of this thread, which adopts orphans but starts no programs, so
   * usually it is empty. Null: a kernel without CONFIG_PROC_CHILDREN.
   */
  readonly #childrenFd = openIfThere(`/proc/self/task/${process.pid}/children`);
  readonly #loadFd = openIfThere('/proc/loadavg');
  #bytes = Buffer.alloc(4096);

  constructor(spawner: Spawner, others: OtherPrograms) {
    this.#spawner = spawner;
    this.#others = others;
  }

  /** False: certainly nothing. True: worth a listing. */
  mayExist(main: MainProcess): boolean {
    if (this.#spawner.groupExists(main.pid)) return true;
    // Orphans of programs become our children, so whoever left the group is among them.
    const candidates =
      this.#childrenFd !== null && this.#spawner.name === 'posix_spawn'
        ? this.#children(this.#childrenFd)
        : this.#bornSince(main.pid);
    return candidates.some((pid) => this.#isLeftover(pid, main));
  }

  list(main: MainProcess): number[] {
    return listPids().filter((pid) => this.#isLeftover(pid, main));
  }

  close(): void {
    for (const fd of [this.#childrenFd, this.#loadFd]) if (fd !== null) closeSync(fd);
  }

  #isLeftover(pid: number, main: MainProcess): boolean {
    if (pid === main.pid || pid === process.pid || this.#others.isMain(pid)) return false;
    const facts = readProcess(pid);
    if (!facts || facts.isZombie) return false;
    if (main.startTicks && facts.startTicks < main.startTicks[0]) return false;
    if (belongsTo(facts, main)) return true;
    // An orphan of ours without session and token (`env -i setsid …`) belongs to whoever is left to have made it.
    const isOrphan =
      facts.parent === process.pid && facts.session !== process.pid && facts.session !== ownSession();
    return isOrphan && !this.#others.couldOwn(facts.startTicks);
  }

  #children(fd: number): number[] {
    return this.#readNumbers(fd).filter((pid) => !this.#others.isMain(pid));
  }

  /**
   * Living processes whose numbers were given out after that one (kernels without CONFIG_PROC_CHILDREN).
   * The last number given out stands in /proc/loadavg.
   */
  #bornSince(pid: number): number[] {
    const last = this.#lastPid();
    if (last === null || last < pid || last - pid > maxProbes)
      return listPids().filter((candidate) => !this.#others.isMain(candidate));
    const found: number[] = [];
    for (let candidate = pid + 1; candidate <= last; candidate += 1) {
      if (!this.#others.isMain(candidate) && this.#spawner.processExists(candidate)) found.push(candidate);
    }
    return found;
  }

  #lastPid(): number | null {
    if (this.#loadFd === null) return null;
    return this.#readNumbers(this.#loadFd).at(-1) ?? null;
  }

  #readNumbers(fd: number): number[] {
    for (;;) {
      const length = readSync(fd, this.#bytes, 0, this.#bytes.length, 0);
      if (length === this.#bytes.length) {
        this.#bytes = Buffer.alloc(2 * length);
        continue;
      }
      const numbers: number[] = [];
      for (const word of this.#bytes.toString('latin1', 0, length).split(' ')) {
        const number = Number(word);
        if (number > 0) numbers.push(number);
      }
      return numbers;
    }
  }
}

/**
 * The processes of programs that an earlier life of the launcher started. Only those are named whose identity is
 * sure: the leader of the session has pid *and* start time of the journal, or the process carries the token.
 */
export function findLostProcesses(lost: readonly JournalEntry[]): number[] {
  if (lost.length === 0) return [];
  const sessions = new Set<number>();
  for (const { pid, startTicks } of lost) {
    const facts = pid === null ? null : readProcess(pid);
    if (facts && startTicks && facts.startTicks >= startTicks[0] && facts.startTicks <= startTicks[1])
      sessions.add(facts.pid);
  }
  const tokens = lost.flatMap(({ token }) => (token === null ? [] : [token]));
  return listPids().filter((pid) => {
    if (pid === process.pid) return false;
    const facts = readProcess(pid);
    if (!facts || facts.isZombie) return false;
    return sessions.has(facts.session) || tokens.some((token) => carriesToken(pid, token));
  });
}

function belongsTo(facts: ProcessFacts, main: MainProcess): boolean {
  // A number stays taken while a session has it, so this session is the program's or that of nobody else.
  if (facts.session === main.pid || facts.group === main.pid) return true;
  return main.token !== null && carriesToken(facts.pid, main.token);
}

let session: number | null = null;
function ownSession(): number {
  session ??= readProcess(process.pid)?.session ?? process.pid;
  return session;
}

function openIfThere(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch {
    return null;
  }
}
