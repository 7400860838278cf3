import { execFileSync } from 'node:child_process';
import { userInfo } from 'node:os';
import type { IdRange } from '../config/value-types.ts';
import { AppError } from '../contract/errors.ts';
import type { Account } from '../lib/file-access.ts';
import { findObstacle, readIdFacts, refuseTaken, type IdFacts } from './owner-ids.ts';

/** Whom programs run as. */
export interface ProgramAccount {
  name: string;
  /** Null: as whoever runs the worker, nothing to switch. */
  isolation: { user: string; group: string | null } | null;
  /** Null when nothing is switched. */
  ids: Account | null;
  /** Programs of owners with an account have numbers of their own instead; null: all run as this account. */
  ownerIds: IdRange | null;
  /** What keeps the programs of owners apart, or that nothing does, in words for operators. */
  promise: string;
}

/** What is wrong, and what to do. */
export interface Advised {
  text: string;
  advice: string;
}

interface ProgramAccountSettings {
  user: string | undefined;
  group: string | undefined;
  ownerIds: IdRange | 'off';
}

/**
 * As root programs run as `nobody`, or as the account named; as root only when root is named. Anybody else runs them
 * as themselves.
 * @throws AppError `configuration` when there is no such account, it cannot be switched to, or numbers of owners belong
 *   to somebody
 */
export function resolveProgramAccount(
  { user, group, ownerIds }: ProgramAccountSettings,
  facts: IdFacts = readIdFacts(),
): ProgramAccount {
  const me = userInfo();
  if (me.uid !== 0) {
    if (user === undefined || user === me.username || user === String(me.uid)) {
      const promise = sharedPromise(me.username, 'the account of the server', serverToo);
      return { name: me.username, isolation: null, ids: null, ownerIds: null, promise };
    }
    throw new AppError(
      'configuration',
      `WORKER_USER is ${user}, but only root can run programs as somebody else. Start as root, or leave it out.`,
    );
  }
  const name = user ?? 'nobody';
  if (name === 'root' || name === '0') {
    const promise = sharedPromise('root', 'the account of the server', serverToo);
    return { name: 'root', isolation: null, ids: null, ownerIds: null, promise };
  }
  const ids = lookUp(name, group);
  const account = { name, isolation: { user: name, group: group ?? null }, ids };
  if (ownerIds === 'off')
    return { ...account, ownerIds: null, promise: sharedPromise(name, 'DAYBOOK_OWNER_IDS=off') };
  refuseTaken(ownerIds, facts, ids.uid);
  const obstacle = findObstacle(ownerIds, facts);
  if (obstacle !== null) return { ...account, ownerIds: null, promise: sharedPromise(name, obstacle) };
  return { ...account, ownerIds, promise: separatePromise(name, ownerIds) };
}

const serverToo = ', and read the environment and the files of the server';

function sharedPromise(name: string, why: string, more = ''): string {
  return `Programs run as ${name}, those of all owners alike (${why}): each can read the environment of the others, secrets among them, signal them${more}.`;
}

function separatePromise(name: string, { first }: IdRange): string {
  return `Programs run as ${name}; those of an owner with an account under number ${first} plus that of the account, in the group of ${name}. Those of different owners cannot read or signal each other; home they share.`;
}

/** Whom programs run as, to ask where they get; the numbers of owners are alike, so one stands for all. */
export function accountsOf({ ids, ownerIds }: Pick<ProgramAccount, 'ids' | 'ownerIds'>): Account[] {
  if (!ids) return [];
  return ownerIds ? [ids, { uid: ownerIds.first, gid: ids.gid }] : [ids];
}

function lookUp(user: string, group: string | undefined): { uid: number; gid: number } {
  const uid = id(['-u', user]) ?? (/^\d+$/.test(user) ? Number(user) : null);
  if (uid === null) {
    throw new AppError('configuration', `WORKER_USER is ${user}; this machine has no such user.`);
  }
  const gid = group === undefined ? (id(['-g', user]) ?? uid) : groupId(group);
  return { uid, gid };
}

function groupId(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  const entry = run('getent', ['group', group]);
  const gid = Number(entry?.split(':')[2]);
  if (entry && Number.isInteger(gid)) return gid;
  throw new AppError('configuration', `WORKER_GROUP is ${group}; this machine has no such group.`);
}

function id(args: string[]): number | null {
  const text = run('id', args);
  return text === null ? null : Number(text);
}

function run(file: string, args: string[]): string | null {
  try {
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    // Not there, or nothing found: the caller says what that means.
    return null;
  }
}
