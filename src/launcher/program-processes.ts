import { carriesToken, listPids, readProcess, type ProcessFacts } from './proc.ts';

/** A program whose processes are looked for. */
export interface Owner {
  pid: number;
  token: string | null;
}

/**
 * Which processes belong to which program: its main process, what is in its session or group, the children of those,
 * and orphans that carry its token (they became children of the launcher).
 */
export class ProgramProcesses {
  /** Orphans by pid and start: the environment is read once for each. */
  #orphans = new Map<string, number | null>();

  /** One listing of /proc for all of them; by pid of the main process. */
  find(owners: readonly Owner[]): Map<number, number[]> {
    const found = new Map<number, number[]>(owners.map(({ pid }) => [pid, []]));
    const facts = new Map<number, ProcessFacts>();
    for (const pid of listPids()) {
      const one = readProcess(pid);
      if (one && !one.isZombie) facts.set(pid, one);
    }
    const orphans = new Map<string, number | null>();
    const known = new Map<number, number | null>();
    const ownerOf = (pid: number): number | null => {
      const before = known.get(pid);
      if (before !== undefined) return before;
      known.set(pid, null); // a circle ends here, should the listing show one
      const one = facts.get(pid);
      const owner = one === undefined || pid === process.pid ? null : this.#ownerOf(one, found, ownerOf);
      const orphaned =
        owner === null && one?.parent === process.pid ? this.#ownerOfOrphan(one, owners, orphans) : owner;
      known.set(pid, orphaned);
      return orphaned;
    };
    for (const pid of facts.keys()) {
      const owner = ownerOf(pid);
      if (owner !== null) found.get(owner)?.push(pid);
    }
    this.#orphans = orphans;
    return found;
  }

  #ownerOf(
    { pid, session, group, parent }: ProcessFacts,
    found: ReadonlyMap<number, unknown>,
    ownerOf: (pid: number) => number | null,
  ): number | null {
    for (const own of [pid, session, group]) if (found.has(own)) return own;
    return parent > 1 ? ownerOf(parent) : null;
  }

  #ownerOfOrphan(
    { pid, startTicks }: ProcessFacts,
    owners: readonly Owner[],
    orphans: Map<string, number | null>,
  ): number | null {
    const name = `${pid}.${startTicks}`;
    const before = this.#orphans.get(name);
    const owner =
      before === undefined
        ? (owners.find(({ token }) => token !== null && carriesToken(pid, token))?.pid ?? null)
        : before;
    orphans.set(name, owner);
    return owner;
  }
}
