import type { HomeEntry } from '../../domain/home/ports.ts';
import { toBytes, type Bytes } from './bytes.ts';
import { formatTime } from './times.ts';

/** In the order in which they are told; a `*` in FEAT marks those that are on (RFC 3659, section 7.8). */
export const factNames = [
  'type',
  'perm',
  'size',
  'modify',
  'unique',
  'unix.mode',
  'unix.uid',
  'unix.gid',
] as const;
export type FactName = (typeof factNames)[number];

/** What clients get that did not choose. */
export const defaultFacts: readonly FactName[] = ['type', 'perm', 'size', 'modify', 'unix.mode'];

/** One line of MLSD or MLST without what belongs around it: facts, a blank, the name. */
export function formatFacts(
  entry: HomeEntry,
  name: Bytes,
  { facts, isReadOnly }: { facts: ReadonlySet<FactName>; isReadOnly: boolean },
): Bytes {
  const told = factNames.flatMap((fact) =>
    facts.has(fact) ? [`${fact}=${valueOf(fact, entry, isReadOnly)};`] : [],
  );
  return `${told.join('')} ${name}`;
}

function valueOf(fact: FactName, entry: HomeEntry, isReadOnly: boolean): string {
  switch (fact) {
    case 'type':
      return typeOf(entry);
    case 'perm':
      return permissionsOf(entry, isReadOnly);
    case 'size':
      return String(entry.sizeBytes);
    case 'modify':
      return formatTime(entry.modifiedMs);
    case 'unique':
      return entry.unique;
    case 'unix.mode':
      return `0${entry.mode.toString(8).padStart(3, '0')}`;
    case 'unix.uid':
      return String(entry.uid);
    case 'unix.gid':
      return String(entry.gid);
  }
}

function typeOf({ kind, linkTarget }: HomeEntry): string {
  switch (kind) {
    case 'file':
      return 'file';
    case 'folder':
      return 'dir';
    case 'link':
      // As other servers on Unix have it; a target with a `;` would end the fact.
      return linkTarget === null || /[;\r\n\0]/.test(toBytes(linkTarget))
        ? 'OS.unix=symlink'
        : `OS.unix=slink:${toBytes(linkTarget)}`;
    case 'other':
      return 'OS.unix=special';
  }
}

/** What may be tried (RFC 3659, section 7.5.5); whether it works depends on the bits, too. */
function permissionsOf({ kind, isPart }: HomeEntry, isReadOnly: boolean): string {
  if (kind === 'folder') return isReadOnly ? 'el' : 'cdeflmp';
  if (kind === 'other') return isReadOnly ? '' : 'df';
  if (isPart) return 'adw';
  return isReadOnly ? 'r' : 'adfrw';
}

/** Facts of OPTS MLST, in our order; those that nobody knows are left out. Null for what is no list of facts. */
export function parseFacts(argument: string): FactName[] | null {
  if (argument === '') return [];
  if (!/^([^; ]+;)+$/.test(argument)) return null;
  const wanted = new Set(argument.toLowerCase().split(';'));
  return factNames.filter((name) => wanted.has(name));
}
