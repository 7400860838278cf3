import { statfs } from 'node:fs/promises';

/**
 * Free space for unprivileged users in bytes (`f_bavail` × fragment size, statvfs(3)); null when the directory cannot
 * be asked.
 */
export async function freeBytes(directory: string): Promise<number | null> {
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
