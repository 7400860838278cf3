import { constants, open, type FileHandle } from 'node:fs/promises';
import { insideHome } from '../../lib/inside-home.ts';

export interface HomeFile {
  file: FileHandle;
  sizeBytes: number;
}

/**
 * Opens a regular file of the home directory. Where the server runs as root this reads as root, so a link that leads
 * out of home is refused; the last link of all also when it was put there a moment ago.
 */
export async function openInHome(home: string, path: string): Promise<HomeFile | { problem: string }> {
  const found = await insideHome(home, path);
  if ('problem' in found) {
    return {
      problem:
        found.problem === 'outside'
          ? 'leads out of the home directory'
          : 'there is no such file in the home directory',
    };
  }
  try {
    // A pipe would be waited for until somebody writes.
    const file = await open(found.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const facts = await file.stat();
    if (facts.isFile()) return { file, sizeBytes: facts.size };
    await file.close();
    return { problem: facts.isDirectory() ? 'is a folder, not a file' : 'is not a regular file' };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { problem: code === 'EACCES' ? 'may not be read' : message };
  }
}
