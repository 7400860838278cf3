import { constants, type FileHandle } from 'node:fs/promises';
import { isHiddenInHome } from '../../domain/home/ports.ts';
import { closing } from '../../lib/closing.ts';
import { PathProblem, walkConfined } from '../../lib/confined-walk.ts';
import { HeldEntry } from '../../lib/held-entry.ts';

export interface HomeFile {
  file: FileHandle;
  sizeBytes: number;
}

/**
 * Opens a regular file of the home directory. Where the server runs as root this reads as root, so what leads out of home
 * is refused, also when it was put there a moment ago.
 */
export async function openInHome(home: string, path: string): Promise<HomeFile | { problem: string }> {
  try {
    const place = await walkConfined({ root: home, isHidden: isHiddenInHome }, path, { follow: true });
    return await closing(place, async ({ folder, name }) => {
      if (name === null) return { problem: 'is a folder, not a file' };
      return closing(await HeldEntry.open(folder, name), async (entry) => {
        const opened = await entry.openFile(constants.O_RDONLY);
        if (opened) return { file: opened.file, sizeBytes: Number(opened.facts.size) };
        const isFolder = (await entry.facts()).isDirectory();
        return { problem: isFolder ? 'is a folder, not a file' : 'is not a regular file' };
      });
    });
  } catch (error) {
    if (error instanceof PathProblem && error.code === 'outside')
      return { problem: 'leads out of the home directory' };
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof PathProblem || code === 'ENOENT')
      return { problem: 'there is no such file in the home directory' };
    return { problem: code === 'EACCES' ? 'may not be read' : message };
  }
}
