import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { findSystemTool, refuse } from './system-tools.ts';
import type { StartRefused } from './protocol.ts';
import type { Spawner } from './spawner.ts';

const CAP_SETUID = 7n;
/** How long a change of the user database may go unnoticed. Reading it for each program is felt. */
const keepMs = 1_000;

export interface UserEntry {
  uid: number;
  gid: number;
}

interface NamedUser extends UserEntry {
  name: string;
}

/** How a program becomes somebody else. */
export interface UserSwitch {
  /** To put before the program's own words. */
  words: readonly string[];
  owner: UserEntry;
}

/**
 * Finds the words that run a program as somebody else: `chroot` of GNU coreutils, which changes no root here and knows
 * all by number, or `setpriv`, which costs twice as much CPU (1.8 ms against 0.9; /bin/true itself costs 0.8). What a
 * smaller program could save is in docs/performance.md.
 *
 * Not done without a program in between: on a thread of ours that takes the user's ids, starts the program and goes
 * back. While the thread has them, every program of that user may signal it, and with it the whole launcher (kill(2)
 * takes the number of a thread and asks for the ids of that thread): stop it, kill it, or make Node open its inspector.
 */
export class UserSwitches {
  readonly #groupsOf: Spawner['groupsOf'];
  readonly #known = new Map<string, { found: UserSwitch | StartRefused | null; at: number }>();
  readonly #mayChange = mayChangeUser();
  /** Asked for when the first program needs it. */
  #chroot: string | null | undefined;

  constructor(groupsOf: Spawner['groupsOf']) {
    this.#groupsOf = groupsOf;
  }

  /**
   * Null: that is who we are.
   * @param group null: the user's primary group
   * @param groupsOf whose other groups; null: the user's own
   */
  find(user: string, group: string | null, groupsOf: string | null): UserSwitch | StartRefused | null {
    const name = JSON.stringify([user, group, groupsOf]);
    const known = this.#known.get(name);
    const now = performance.now();
    if (known && now - known.at < keepMs) return known.found;
    const found = this.#find(user, group, groupsOf);
    this.#known.set(name, { found, at: now });
    return found;
  }

  #find(user: string, group: string | null, groupsOf: string | null): UserSwitch | StartRefused | null {
    const entry = findUser(user);
    if (!entry && !isNumber(user)) return refuse(`there is no user ${user}`);
    const { uid, gid } = entry ?? { uid: Number(user), gid: Number(user) };
    if (uid === process.getuid?.() && group === null) return null;
    if (!this.#mayChange)
      return refuse(`it is to run as ${user}, but the worker may not change users (it is not root)`);
    const owner = { uid, gid };
    const member = groupsOf === null ? entry : findUser(groupsOf);
    const words = this.#chrootWords(uid, group === null ? gid : findGroup(group), member);
    if (words) return { words, owner };
    const setpriv = findSystemTool('setpriv');
    if (!setpriv) return refuse(`it is to run as ${user}, but setpriv (util-linux) is not installed`);
    return {
      words: [
        setpriv,
        '--reuid',
        String(uid),
        '--regid',
        group ?? String(gid),
        ...othersOf(member, uid),
        '--',
      ],
      owner,
    };
  }

  /** Null where it takes setpriv. */
  #chrootWords(uid: number, gid: number | null, member: NamedUser | null): string[] | null {
    if (this.#chroot === undefined) this.#chroot = findGnuChroot();
    if (this.#chroot === null || gid === null) return null;
    // Groups are found by name, so a number without an entry has none.
    const groups = member ? this.#groupsOf(member.name, member.gid) : [];
    if (groups === null) return null;
    const list = groups.map((number) => `+${number}`).join(',');
    // A plus keeps it from looking for a user or group of that name.
    return [this.#chroot, '--skip-chdir', `--userspec=+${uid}:+${gid}`, `--groups=${list}`, '/'];
  }
}

/** What setpriv is told of other groups. It finds those of the user it changes to by itself. */
function othersOf(member: NamedUser | null, uid: number): string[] {
  if (!member) return ['--clear-groups'];
  if (member.uid === uid) return ['--init-groups'];
  const groups = execFileSync('id', ['-G', '--', member.name], { encoding: 'utf8', timeout: 5_000 });
  return ['--groups', groups.trim().replaceAll(' ', ',')];
}

/** Others of that name (BusyBox, uutils) lack these options or were not checked. */
function findGnuChroot(): string | null {
  const chroot = findSystemTool('chroot');
  if (chroot === null) return null;
  try {
    const about = execFileSync(chroot, ['--version'], { encoding: 'utf8', env: {}, timeout: 5_000 });
    return about.includes('(GNU coreutils)') ? chroot : null;
  } catch {
    return null; // BusyBox knows no --version
  }
}

function findUser(user: string): NamedUser | null {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name !== undefined && (name === user || uid === user))
      return { name, uid: Number(uid), gid: Number(gid) };
  }
  return null;
}

/** Null for a name that this machine alone does not know. */
function findGroup(group: string): number | null {
  if (isNumber(group)) return Number(group);
  for (const line of readFileSync('/etc/group', 'utf8').split('\n')) {
    const [name, , gid] = line.split(':');
    if (name === group) return Number(gid);
  }
  return null;
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

function mayChangeUser(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readStatus())?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> CAP_SETUID) & 1n) === 1n;
}

function readStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'latin1');
  } catch {
    return ''; // no Linux: nobody is switched to
  }
}
