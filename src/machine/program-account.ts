import { execFileSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { AppError } from '../contract/errors.ts';

/** Whom programs run as. */
export interface ProgramAccount {
  name: string;
  /** Null: as whoever runs the worker, nothing to switch. */
  isolation: { user: string; group: string | null } | null;
  /** Null when nothing is switched. */
  ids: { uid: number; gid: number } | null;
}

/**
 * As root programs run as `nobody`, or as the account named; as root only when root is named. Anybody else runs them
 * as themselves.
 * @throws AppError `configuration` when there is no such account, or it cannot be switched to
 */
export function resolveProgramAccount({
  user,
  group,
}: {
  user: string | undefined;
  group: string | undefined;
}): ProgramAccount {
  const me = userInfo();
  if (me.uid !== 0) {
    if (user === undefined || user === me.username || user === String(me.uid)) {
      return { name: me.username, isolation: null, ids: null };
    }
    throw new AppError(
      'configuration',
      `WORKER_USER is ${user}, but only root can run programs as somebody else. Start as root, or leave it out.`,
    );
  }
  const name = user ?? 'nobody';
  if (name === 'root' || name === '0') return { name: 'root', isolation: null, ids: null };
  return { name, isolation: { user: name, group: group ?? null }, ids: lookUp(name, group) };
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
