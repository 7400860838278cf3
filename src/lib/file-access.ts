import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Whom a process runs as. */
export interface Account {
  uid: number;
  gid: number;
}

/** Whether the account may enter every folder on the way to `path`, and read (a file: run) what is there. */
export function canReach(path: string, account: Account | undefined): boolean {
  if (!account) return canReachOurselves(path);
  const facts = statSync(path);
  if (!permits(facts, account, facts.isDirectory() ? 0o5 : 0o4)) return false;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (!permits(statSync(folder), account, 0o1)) return false;
    if (folder === dirname(folder)) return true;
  }
}

function canReachOurselves(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether the permission bits let the account do that (4 read, 2 write, 1 run or enter; sums of them). */
export function permits(
  { mode, uid, gid }: { mode: number; uid: number; gid: number },
  account: Account,
  bits: number,
): boolean {
  if (uid === account.uid) return ((mode >> 6) & bits) === bits;
  if (gid === account.gid) return ((mode >> 3) & bits) === bits;
  return (mode & bits) === bits;
}
