import { join } from 'node:path';
import { checkProgram } from './find-program.ts';
import type { StartRefused } from './protocol.ts';

/** Not the PATH of the program: which tools run as root before it is not its choice. */
const systemFolders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];
const found = new Map<string, string>();

/** The path of a tool that is put before a program; null when it is not installed. */
export function findSystemTool(name: string): string | null {
  const known = found.get(name);
  if (known !== undefined) return known;
  const paths = systemFolders.map((folder) => join(folder, name));
  const path = paths.find((candidate) => checkProgram(candidate) === 'fit') ?? null;
  if (path !== null) found.set(name, path);
  return path;
}

export function refuse(why: string): StartRefused {
  return { exitCode: 126, message: `The program cannot be started: ${why}.` };
}
