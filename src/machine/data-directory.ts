import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../contract/errors.ts';
import { DirectoryInUseError, lockDirectory, type DirectoryLock } from '../lib/directory-lock.ts';

/** One web server and one worker a data directory; a second one says so and ends. */
export function lockRole(directory: string, role: 'web' | 'worker'): DirectoryLock {
  try {
    return lockDirectory(directory, { name: role, holderTitle: role === 'web' ? 'A server' : 'A worker' });
  } catch (error) {
    if (!(error instanceof DirectoryInUseError)) throw error;
    throw new AppError(
      'configuration',
      `${error.message}. Stop it first, or choose another one by DAYBOOK_DATA.`,
      {
        cause: error,
      },
    );
  }
}

/** Stays over restarts, so that a worker finds its own attempts again. */
export function readWorkerId(dataDirectory: string): string {
  const path = join(dataDirectory, 'worker-id');
  if (existsSync(path)) {
    const id = readFileSync(path, 'utf8').trim();
    if (/^[0-9a-f-]{36}$/.test(id)) return id;
  }
  const id = randomUUID();
  writeFileSync(path, `${id}\n`, { mode: 0o600 });
  return id;
}
