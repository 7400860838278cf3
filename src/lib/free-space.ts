import { statfs } from 'node:fs/promises';

/** By directory: asked, not answered yet. */
const underWay = new Map<string, Promise<number | null>>();

/**
 * Free space for unprivileged users in bytes (`f_bavail` × fragment size, statvfs(3)); null when the directory cannot
 * be asked. Who asks while the same is being asked gets that answer: a question costs 40 µs of the main thread, and many
 * jobs begin and end at one moment.
 */
export function freeBytes(directory: string): Promise<number | null> {
  const asked = underWay.get(directory);
  if (asked) return asked;
  const answer = ask(directory).finally(() => underWay.delete(directory));
  underWay.set(directory, answer);
  return answer;
}

async function ask(directory: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    // A home that is gone for a moment must not fail a job that ran.
    return null;
  }
}

export async function freeKib(directory: string): Promise<number | null> {
  const bytes = await freeBytes(directory);
  return bytes === null ? null : Math.floor(bytes / 1024);
}
