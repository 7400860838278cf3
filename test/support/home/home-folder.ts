import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHome } from '../../../src/domain/home/home.ts';
import type { Home, HomeView, Upload, ViewOptions } from '../../../src/domain/home/ports.ts';
import { silentLogger } from '../../../src/lib/logger.ts';

export interface HomeFolder {
  /** Holds home, and what lies outside of it. */
  root: string;
  /** The home directory. */
  path: string;
  home: Home;
  view(options?: Partial<ViewOptions>): Promise<HomeView>;
  /** Ids of what lies in the hidden folder. */
  hidden(): string[];
  remove(): void;
}

/** In memory where there is such a place: thousands of small files wait for no disk. */
export const inMemory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/**
 * A home directory of its own, where programs run as the server.
 * @param place in which folder; by default that for temporary files
 */
export function createHomeFolder(place = tmpdir()): HomeFolder {
  const root = realpathSync(mkdtempSync(join(place, 'daybook-home-')));
  const path = join(root, 'home');
  mkdirSync(path);
  const home = createHome(path, silentLogger);
  return {
    root,
    path,
    home,
    view: (options = {}) =>
      home.view({ account: 'ana', ids: null, isReadOnly: false, folder: null, ...options }),
    hidden: () => {
      try {
        return readdirSync(join(path, '.daybook-uploads'));
      } catch {
        return [];
      }
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Sends the pieces, and leaves the upload open. */
export async function send(view: HomeView, path: string | Buffer, ...pieces: string[]): Promise<Upload> {
  const upload = await view.beginUpload(path, { mode: 'replace' });
  for (const piece of pieces) await upload.write(Buffer.from(piece));
  return upload;
}

export async function put(view: HomeView, path: string | Buffer, text: string): Promise<void> {
  await (await send(view, path, text)).commit();
}

export async function textOf(view: HomeView, path: string | Buffer): Promise<string> {
  const file = await view.openFile(path);
  try {
    return Buffer.concat(await all(file.bytes())).toString();
  } finally {
    await file.close();
  }
}

/** The code of what it rejects with, or what it resolves with. */
export function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) =>
    error instanceof Error && 'code' in error ? error.code : String(error),
  );
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
