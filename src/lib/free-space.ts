import { statfs } from 'node:fs/promises';

/** By directory: asked just now. */
const asked = new Map<string, Promise<number | null>>();

/** For so long an answer serves others. */
const sharedMs = 5;

/**
 * Free space for unprivileged users in bytes (`f_bavail` × fragment size, statvfs(3)); null when the directory cannot
 * be asked. Who asks within a moment gets the same answer: a question costs 40 µs of the main thread, and many jobs
 * begin and end at one moment.
 */
export function freeBytes(directory: string): Promise<number | null> {
  const shared = asked.get(directory);
  if (shared) return shared;
  const answer = ask(directory);
  asked.set(directory, answer);
  void answer.then(() => setTimeout(() => asked.delete(directory), sharedMs));
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
