import type { HomeEntry } from '../../domain/home/ports.ts';
import { toBytes, type Bytes } from './bytes.ts';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** From then on `ls` shows the year instead of the time; clients guess the year of a time by it. */
const recentMs = 180 * 86_400_000;

/**
 * A line as `ls -l` prints it, in UTC, which is what clients of LIST read though nothing says so. Owner and group are
 * numbers: the names of this machine are nobody's business.
 */
export function formatListLine(entry: HomeEntry, name: Bytes, nowMs: number): Bytes {
  const { uid, gid, linkCount, sizeBytes, linkTarget } = entry;
  const columns = [
    `${kindSign(entry)}${formatMode(entry.mode)}`,
    String(linkCount).padStart(4),
    String(uid).padEnd(8),
    String(gid).padEnd(8),
    String(sizeBytes).padStart(12),
    formatListTime(entry.modifiedMs, nowMs),
  ];
  const target = linkTarget === null ? '' : ` -> ${toBytes(linkTarget).replaceAll(/[\r\n\0]/g, '?')}`;
  return `${columns.join(' ')} ${name}${target}`;
}

function kindSign({ kind }: HomeEntry): string {
  switch (kind) {
    case 'file':
      return '-';
    case 'folder':
      return 'd';
    case 'link':
      return 'l';
    case 'other':
      return 'p';
  }
}

function formatMode(mode: number): string {
  const signs = [0, 1, 2].map((place) => {
    const bits = (mode >> (6 - 3 * place)) & 7;
    const special = ((mode >> (11 - place)) & 1) === 1;
    const [off, on] = place === 2 ? ['T', 't'] : ['S', 's'];
    const execute = special ? (bits & 1 ? on : off) : bits & 1 ? 'x' : '-';
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${execute}`;
  });
  return signs.join('');
}

function formatListTime(ms: number, nowMs: number): string {
  const time = new Date(ms);
  if (Number.isNaN(time.getTime())) return 'Jan  1  1970';
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${months[time.getUTCMonth()]} ${String(time.getUTCDate()).padStart(2)}`;
  const isRecent = Math.abs(nowMs - ms) < recentMs;
  return isRecent
    ? `${day} ${two(time.getUTCHours())}:${two(time.getUTCMinutes())}`
    : `${day}  ${time.getUTCFullYear()}`;
}
