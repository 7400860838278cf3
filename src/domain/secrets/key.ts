import { randomBytes } from 'node:crypto';
import { linkSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { AppError } from '../../contract/errors.ts';
import { removeFileSync } from '../../lib/remove.ts';
import type { SecretKey } from './ports.ts';

const keyBytes = 32;

/** @param fromSettings wins over the file */
export function createSecretKey(fromSettings: Buffer | null, file: string): SecretKey {
  const load = (): Buffer | null => fromSettings ?? readKey(file);
  return { load, loadOrMake: () => load() ?? makeKey(file) };
}

/** @throws AppError `configuration` when others may read the file, or it holds no key */
function readKey(file: string): Buffer | null {
  const facts = lstatSync(file, { throwIfNoEntry: false });
  if (!facts) return null;
  if (!facts.isFile() || (facts.mode & 0o077) !== 0)
    throw new AppError('configuration', `${file} must be a file that only its owner may read (chmod 600).`);
  const key = Buffer.from(readFileSync(file, 'latin1').trim(), 'base64');
  if (key.length === keyBytes) return key;
  throw new AppError('configuration', `${file} holds no key: expected ${keyBytes} bytes in base64.`);
}

/** By link, so that of two makers one wins and the other uses that one's key. */
function makeKey(file: string): Buffer {
  const partial = `${file}.${process.pid}`;
  writeFileSync(partial, `${randomBytes(keyBytes).toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(partial, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    removeFileSync(partial);
  }
  const key = readKey(file);
  if (!key) throw new Error(`${file} vanished while it was made`);
  return key;
}
