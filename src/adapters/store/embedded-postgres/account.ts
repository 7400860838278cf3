import { lchownSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Account } from '../../../lib/file-access.ts';

/** PostgreSQL's initdb wants an account with an entry, so these are names; the first that exists and is free wins. */
const candidates = ['postgres', 'nobody', 'daemon', 'bin'];

interface PasswdEntry extends Account {
  name: string;
}

/**
 * PostgreSQL refuses to run as root. Started as root, the database gets an account of its own: never the one that
 * programs run as, else every program could read and stop it.
 * @param existing the owner of a database that is already there, who stays in charge
 */
export function chooseAccount(
  existing: Account | undefined,
  programUser: string | undefined,
  passwd: string = readFileSync('/etc/passwd', 'utf8'),
): Account | undefined {
  const entries = parsePasswd(passwd);
  const programUid =
    entries.find((entry) => entry.name === programUser)?.uid ?? Number(programUser ?? Number.NaN);
  if (existing && existing.uid !== 0 && existing.uid !== programUid) return existing;
  for (const name of candidates) {
    const entry = entries.find((candidate) => candidate.name === name);
    if (entry && entry.uid !== 0 && entry.uid !== programUid) return { uid: entry.uid, gid: entry.gid };
  }
  return undefined;
}

function parsePasswd(text: string): PasswdEntry[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Gives a folder and everything in it to the account. Symbolic links are changed themselves, never followed. */
export function giveTo(path: string, account: Account | undefined): void {
  if (!account) return;
  lchownSync(path, account.uid, account.gid);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) giveTo(child, account);
    else lchownSync(child, account.uid, account.gid);
  }
}
