/**
 * What a launcher does once, before its first program, so that programs of several accounts get along.
 *
 * They share home: what one makes, all of the group may change (umask). And they do not see each other, since arguments
 * stand in /proc for everybody to read: we go into a mount namespace of our own and mount /proc anew in it, where only
 * what one may trace is shown. Programs inherit both, which costs each of them nothing.
 *
 * This thread goes there, and what it makes later: libuv's threads, which start programs, come with the first of them.
 * Nothing else here looks at mounts.
 */
import { readFileSync } from 'node:fs';
import { getSystemErrorMessage } from 'node:util';
import type { Libc } from './libc.ts';
import type { Separation } from './protocol.ts';

const CLONE_NEWNS = 0x20000;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MS_REC = 0x4000;
const MS_SLAVE = 0x80000;

export function separateOwners(libc: Libc | null): Separation {
  process.umask(0o002);
  return { whyShown: libc ? hideProcesses(libc) : 'koffi cannot be loaded' };
}

/** Why it cannot be done; null: it is. */
function hideProcesses(libc: Libc): string | null {
  // From a private one neither mounts nor unmounts would come to us: programs would miss disks, and hold others.
  if (!isRootMountShared()) return 'the mount of / is private, so that later mounts would not reach programs';
  if (libc.unshare(CLONE_NEWNS) !== 0) return `unshare: ${reason(libc)}`;
  if (libc.mount(null, '/', null, MS_REC | MS_SLAVE, null) !== 0) return `mount of /: ${reason(libc)}`;
  // A mount of its own, never `remount`: that would reach the /proc of the whole machine. The same holds of every mount
  // before Linux 5.8, which refuses the word `ptraceable`. Unlike `invisible` it makes no exception of the group root.
  const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (libc.mount('proc', '/proc', 'proc', flags, 'hidepid=ptraceable') === 0) return null;
  return `mount of /proc: ${reason(libc)} (it takes Linux 5.8)`;
}

/** As systemd makes it; or fed by another one, as in its services. */
function isRootMountShared(): boolean {
  const [, tags = ''] =
    /^\d+ \d+ \S+ \S+ \/ \S+ (.*)- /m.exec(readFileSync('/proc/self/mountinfo', 'latin1')) ?? [];
  return /\b(shared|master):/.test(tags);
}

function reason(libc: Libc): string {
  return getSystemErrorMessage(-libc.errno());
}
