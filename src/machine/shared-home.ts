/**
 * Home where programs run under several numbers: they have one group, and what they make there is that group's to change.
 * The folder itself we open where it is ours; what stands in it we leave to the operator, with a command.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Advised, ProgramAccount } from './program-account.ts';

/** Set-group-ID: what is made in a folder belongs to its group. */
const sharedBits = 0o2070;
/** No more entries are looked at. */
const maxEntries = 1_000;

/**
 * Where accounts have folders of their own in home, home itself is for the server to change: whoever may rename there takes
 * the folder of another away. Everybody goes through it to theirs.
 */
export async function divideHome(home: string, { ids, ownerIds }: ProgramAccount): Promise<void> {
  if (!ids || !ownerIds) return;
  const { mode } = await stat(home);
  const wanted = (mode & 0o7755) | 0o711;
  if ((mode & 0o7777) !== wanted) await chmod(home, wanted).catch(() => {});
}

/** Lets the group write into home when it belongs to WORKER_USER and its group; where it does not, it is left alone. */
export async function shareHome(home: string, { ids, ownerIds }: ProgramAccount): Promise<void> {
  if (!ids || !ownerIds) return;
  const { uid, gid, mode } = await stat(home);
  if (uid !== ids.uid || gid !== ids.gid || (mode & sharedBits) === sharedBits) return;
  // Where that is refused (NFS that trusts no root), it is told as any other closed home.
  await chmod(home, (mode & 0o7777) | sharedBits).catch(() => {});
}

/**
 * What programs of owners cannot change though those of WORKER_USER can: home itself, or what stands in it from before
 * owners had numbers of their own. Null when there is nothing.
 */
export function findClosedHome(home: string, { ids, ownerIds, name }: ProgramAccount): Advised | null {
  if (!ids || !ownerIds) return null;
  const advice = `chgrp -R ${ids.gid} ${home} && chmod -R g+rwX ${home} && find ${home} -type d -exec chmod g+s {} +`;
  const closes = (path: string): boolean => {
    const facts = lstatSync(path, { throwIfNoEntry: false });
    if (!facts || facts.isSymbolicLink()) return false;
    const { mode, uid, gid } = facts;
    const isOpen = (mode & 0o002) !== 0 || (gid === ids.gid && (mode & 0o020) !== 0);
    return !isOpen && (path === home || uid === ids.uid);
  };
  if (closes(home)) {
    return {
      text: `Programs of owners cannot write into the home directory ${home}: the group of ${name} may not.`,
      advice,
    };
  }
  const entries = readdirSync(home).slice(0, maxEntries);
  const closed = entries.filter((entry) => closes(join(home, entry))).length;
  if (closed === 0) return null;
  return {
    text: `${closed} of ${entries.length} entries of the home directory ${home} were made by ${name} alone, and cannot be changed by programs of owners.`,
    advice,
  };
}
