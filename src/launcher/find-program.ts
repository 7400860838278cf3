import { accessSync, closeSync, constants as fsConstants, openSync, readSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, join, resolve } from 'node:path';
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
  if (errno === ENOENT || errno === ENOTDIR)
    return findBadInterpreter(path, cwd) ?? badInterpreter(path, missingInterpreter);
  return explainSystemRefusal(path, errno);
}

const missingInterpreter = 'the program named in its first line is missing';

/**
 * Why the first line of a script leads nowhere; null where it does not, or cannot be read. Asked before the start where
 * a tool stands in between, whose words would say that the script itself is missing.
 */
export function findBadInterpreter(path: string, cwd: string): StartRefused | null {
  const line = /^#![ \t]*([^\n]*)\n/.exec(beginningOf(resolve(cwd, path)))?.[1];
  if (line === undefined) return null;
  const [interpreter = ''] = line.split(/[ \t]/);
  const isMissing = checkProgram(resolve(cwd, interpreter)) === 'missing';
  // It would look for a program whose name ends so.
  const isLost = isMissing || basename(interpreter) === 'env';
  if (line.endsWith('\r') && isLost)
    return badInterpreter(path, 'its first line ends as on Windows (CRLF); save the script with LF alone');
  return isMissing ? badInterpreter(path, missingInterpreter) : null;
}

function badInterpreter(path: string, why: string): StartRefused {
  return { exitCode: 126, message: `${path}: bad interpreter: ${why}.` };
}

/** As much as the kernel reads of a first line (binfmt_script). */
function beginningOf(path: string): string {
  let file: number | null = null;
  try {
    file = openSync(path, 'r');
    const bytes = Buffer.alloc(256);
    return bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0));
  } catch {
    return '';
  } finally {
    if (file !== null) closeSync(file);
  }
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
