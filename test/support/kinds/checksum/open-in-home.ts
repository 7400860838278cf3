import { constants, open, realpath, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';

export interface HomeFile {
  file: FileHandle;
  sizeBytes: number;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file in the home directory',
  ENOTDIR: 'there is no such file in the home directory',
  EACCES: 'may not be read',
  ELOOP: 'is a link that leads nowhere',
};

/**
 * Opens a regular file of the home directory. Where the server runs as root this reads as root, so a link that leads
 * out of home is refused.
 */
export async function openInHome(home: string, path: string): Promise<HomeFile | { problem: string }> {
  try {
    const real = await realpath(join(home, path));
    if (!real.startsWith((await realpath(home)) + sep)) return { problem: 'leads out of the home directory' };
    // A pipe would be waited for until somebody writes.
    const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const facts = await file.stat();
    if (facts.isFile()) return { file, sizeBytes: facts.size };
    await file.close();
    return { problem: facts.isDirectory() ? 'is a folder, not a file' : 'is not a regular file' };
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    return { problem: reasons[code] ?? message };
  }
}
