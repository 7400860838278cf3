import { readFileSync } from 'node:fs';
import { AppError } from '../contract/errors.ts';
import type { IdRange } from '../config/value-types.ts';

const CAP_SETUID = 7n;

/** What the kernel says of this process (`/proc/self`), and the accounts of this machine, as texts. */
export interface IdFacts {
  uidMap: string;
  status: string;
  passwd: string;
}

export function readIdFacts(): IdFacts {
  return {
    uidMap: readIfThere('/proc/self/uid_map'),
    status: readIfThere('/proc/self/status'),
    passwd: readIfThere('/etc/passwd'),
  };
}

/** Why programs cannot run under numbers of that range here; null: they can. */
export function findObstacle(range: IdRange, { uidMap, status }: IdFacts): string | null {
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  if (((BigInt(`0x${capabilities}`) >> CAP_SETUID) & 1n) === 0n)
    return 'it may not change users (CAP_SETUID)';
  const isCovered = uidMap.split('\n').some((line) => {
    const [inside = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return inside <= range.first && range.last < inside + count;
  });
  return isCovered ? null : `its user namespace lacks ${formatRange(range)} (/proc/self/uid_map)`;
}

/** @throws AppError `configuration` when somebody on this machine has a number of that range */
export function refuseTaken(range: IdRange, { passwd }: IdFacts, programUid: number): void {
  const taken = passwd.split('\n').flatMap((line) => {
    const [name = '', , uid = ''] = line.split(':');
    return uid !== '' && isWithin(range, Number(uid)) ? [`${name} (${uid})`] : [];
  });
  if (taken.length === 0 && isWithin(range, programUid)) taken.push(`WORKER_USER (${programUid})`);
  if (taken.length === 0) return;
  throw new AppError(
    'configuration',
    `DAYBOOK_OWNER_IDS is ${formatRange(range)}, but these accounts of this machine have numbers of that range, and programs would run as them: ${taken.slice(0, 3).join(', ')}${taken.length > 3 ? ` and ${taken.length - 3} more` : ''}. Name a range that nobody uses, or \`off\`.`,
  );
}

/** The number under which programs of that account run; null past the end of the range. */
export function ownerIdOf(range: IdRange, accountId: number): number | null {
  const id = range.first + accountId;
  return isWithin(range, id) ? id : null;
}

export function formatRange({ first, last }: IdRange): string {
  return `${first}-${last}`;
}

function isWithin({ first, last }: IdRange, id: number): boolean {
  return id >= first && id <= last;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // no Linux: then nothing may be changed either
  }
}
