import { closeSync, fchownSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Libc } from './libc.ts';
import type { SpawnRequest } from './spawner.ts';

const O_CLOEXEC = 0x80000;
const O_NONBLOCK = 0x800;
const F_SETFL = 4;

/** Of one program. No other program gets an end of them. */
export interface SpawnPipes {
  /** What the program becomes 0, 1 and 2 of. Not to be closed before it is started. */
  readonly theirs: readonly [stdin: number, stdout: number, stderr: number];
  readonly stdout: number;
  readonly stderr: number;
  /** The program was started: closes its ends, and gives it what its input did not hold yet. */
  handOver(): void;
  /** It was not: closes all. */
  drop(): void;
}

/**
 * All or none; a number is the errno.
 * @param devNull what it reads that has no input
 */
export function openSpawnPipes(
  libc: Libc,
  { stdin, owner }: SpawnRequest,
  devNull: number,
): SpawnPipes | number {
  const opened: number[] = [];
  const closeAll = (fds: readonly number[]): void => {
    for (const fd of fds) closeSync(fd);
  };
  for (let left = stdin ? 3 : 2; left > 0; left -= 1) {
    if (libc.pipe2(ends, O_CLOEXEC) !== 0) {
      const errno = libc.errno();
      closeAll(opened);
      return errno;
    }
    opened.push(...ends);
  }
  const [outRead = -1, outWrite = -1, errRead = -1, errWrite = -1, inRead = devNull, inWrite = -1] = opened;
  if (owner) for (const fd of [outWrite, errWrite]) fchownSync(fd, owner.uid, owner.gid);
  const rest = stdin && fill(libc, inWrite, stdin);
  const theirOwn = stdin ? [outWrite, errWrite, inRead] : [outWrite, errWrite];
  return {
    theirs: [inRead, outWrite, errWrite],
    stdout: outRead,
    stderr: errRead,
    handOver: () => {
      closeAll(theirOwn);
      if (rest) feed(inWrite, rest);
    },
    drop: () => closeAll([...theirOwn, outRead, errRead, ...(rest ? [inWrite] : [])]),
  };
}

const ends = new Int32Array(2);

/** What an empty pipe holds needs nobody who waits for room. @returns the rest; null: that was all, and its end is told */
function fill(libc: Libc, fd: number, bytes: Uint8Array): Uint8Array | null {
  libc.fcntl(fd, F_SETFL, O_NONBLOCK);
  const written = writeSync(fd, bytes);
  if (written < bytes.length) return bytes.subarray(written);
  closeSync(fd);
  return null;
}

function feed(fd: number, bytes: Uint8Array): void {
  const pipe = new Socket({ fd, readable: false, writable: true });
  // A program need not read its input: EPIPE is its right.
  pipe.on('error', () => pipe.destroy());
  pipe.end(bytes);
}
