import { accessSync, constants as fsConstants, statSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { getSystemErrorMessage } from 'node:util';
import type { StartRefused } from './protocol.ts';

const { ENOENT, ENOTDIR } = constants.errno;
/** What shells search when PATH is not set. */
const defaultPath = '/usr/local/bin:/usr/bin:/bin';

/**
 * The path of a program as a shell finds it: names with a slash are paths, others are looked up on PATH.
 * An executable file later on PATH wins over a file without the right to execute.
 */
export function findProgram(file: string, cwd: string, path: string | undefined): string | StartRefused {
  if (file.includes('/')) return file;
  if (file === '') return { exitCode: 127, message: 'No program is named.' };
  let found = false;
  for (const folder of (path ?? defaultPath).split(':')) {
    const candidate = join(resolve(cwd, folder), file);
    const fitness = checkProgram(candidate);
    if (fitness === 'fit') return candidate;
    found ||= fitness === 'not executable';
  }
  return found
    ? { exitCode: 126, message: `${file}: found on PATH, but not executable.` }
    : { exitCode: 127, message: `${file}: command not found.` };
}

/** Why posix_spawn said `errno`. It does not tell a missing folder, program and interpreter from each other. */
export function explainRefusal(path: string, cwd: string, errno: number): StartRefused {
  if (!isFolder(cwd)) {
    return { exitCode: 126, message: `The working directory ${cwd} does not exist or cannot be entered.` };
  }
  const fitness = checkProgram(resolve(cwd, path));
  if (fitness === 'missing') return { exitCode: 127, message: `${path}: No such file or directory.` };
  if (fitness === 'folder') return { exitCode: 126, message: `${path}: Is a directory.` };
  if (fitness === 'not executable') return { exitCode: 126, message: `${path}: Permission denied.` };
  if (errno === ENOENT || errno === ENOTDIR) {
    return {
      exitCode: 126,
      message: `${path}: bad interpreter: the program named in its first line is missing.`,
    };
  }
  return explainSystemRefusal(path, errno);
}

export function explainSystemRefusal(path: string, errno: number): StartRefused {
  const why = errno === 0 ? 'unknown error' : getSystemErrorMessage(-errno);
  return { exitCode: 126, message: `${path}: cannot be started: ${why}.` };
}

export function checkProgram(path: string): 'fit' | 'missing' | 'folder' | 'not executable' {
  try {
    const facts = statSync(path, { throwIfNoEntry: false });
    if (!facts) return 'missing';
    if (facts.isDirectory()) return 'folder';
    accessSync(path, fsConstants.X_OK);
    return 'fit';
  } catch {
    return 'not executable';
  }
}

function isFolder(path: string): boolean {
  try {
    accessSync(path, fsConstants.X_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
