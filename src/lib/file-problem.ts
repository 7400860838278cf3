/** What a code of the system means, and what to do about it. */
const meanings: Record<string, string> = {
  ENOSPC: 'the disk is full. Make room, or choose another place',
  EDQUOT: 'the quota of this account is used up. Make room, or choose another place',
  EROFS: 'the disk can only be read. Mount it for writing, or choose another place',
  EACCES: 'this account may not do that. Give it the right, or choose another place',
  EPERM: 'this account may not do that. Give it the right, or choose another place',
  EISDIR: 'a folder is in the place of a file. Move it away',
  ENOTDIR: 'something else is in the place of a folder. Move it away',
  EIO: 'the disk does not work (input/output error). Look at the log of the system, and at backups',
  EMFILE: 'this process has too many files open. Raise the limit (ulimit -n)',
  ENFILE: 'this machine has too many files open. Raise the limit (sysctl fs.file-max)',
};

/** A failure of the file system in words, with the place where Node says it; null for any other error. */
export function describeFileProblem(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return null;
  const code = String(error.code);
  const meaning = meanings[code];
  if (meaning === undefined) return null;
  const { path, dest } = error as NodeJS.ErrnoException & { dest?: string };
  const place = dest ?? path;
  return `${place === undefined ? 'A file' : place} cannot be used: ${meaning} (${code}).`;
}
