/**
 * A program swaps entries of home for links that lead out, as fast as it can, while every verb is tried some hundred
 * times on them. What lies outside must never be read, told of, changed or removed; both sides of the swap must have
 * been met, else nothing was tried.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { isHomeError, type HomeEntry, type HomeView } from '../../src/domain/home/ports.ts';
import { all, createHomeFolder, inMemory, textOf, type HomeFolder } from '../support/home/home-folder.ts';

const rounds = 250;
const secret = 'OUTSIDE';

let folder: HomeFolder;
let view: HomeView;
let swapper: ChildProcess;
let outside = '';
let inodes = new Set<string>();

beforeAll(async () => {
  folder = createHomeFolder(inMemory);
  const at = (...parts: string[]): string => join(folder.root, ...parts);
  mkdirSync(at('outside', 'full'), { recursive: true });
  mkdirSync(at('outside', 'empty'));
  mkdirSync(at('home', 'd', 'flip', 'full'), { recursive: true });
  mkdirSync(at('home', 'd', 'flip', 'empty'));
  for (const name of ['file', 'log', 'victim', 'full/x']) {
    writeFileSync(at('outside', name), secret);
    writeFileSync(at('home', 'd', 'flip', name), 'inside');
  }
  writeFileSync(at('outside', 'only-outside'), secret);
  writeFileSync(at('home', 'd', 'name'), 'inside');
  symlinkSync('../../outside', at('home', 'd', 'link'));
  symlinkSync(at('outside', 'file'), at('home', 'd', 'name-link'));
  symlinkSync('d/flip', at('home', 'by-a-link'));
  outside = stateOf(at('outside'));
  inodes = new Set(outside.split('\n').map((line) => line.split(' ')[1] ?? ''));
  view = await folder.view();
  swapper = spawn(process.execPath, [
    join(import.meta.dirname, '../support/home/swapper.ts'),
    at('home', 'd'),
  ]);
  if (swapper.stdout) await once(swapper.stdout, 'data');
}, 60_000);
afterEach(() => expect(stateOf(join(folder.root, 'outside'))).toBe(outside));
afterAll(async () => {
  swapper.kill('SIGKILL');
  await once(swapper, 'close');
  folder.remove();
});

const upload = async (path: string, mode: 'replace' | 'append' | 'unique', offset = 0): Promise<void> => {
  const sent = await view.beginUpload(path, { mode, offset });
  await sent.write(Buffer.from('forged'));
  await sent.commit();
};
const told = (entries: HomeEntry[]): void => {
  for (const { name, unique } of entries) {
    expect(name.toString()).not.toBe('only-outside');
    expect(inodes.has(String(Number.parseInt(unique.split('g')[1] ?? '', 16)))).toBe(false);
  }
};
const forgetting = (action: Promise<unknown>): Promise<unknown> => action.catch(() => {});

const onlyThere = 'openFile of what is outside only';

/** What is tried in the folder that is swapped, named by a path to it. */
const inFolder: Record<string, (path: string) => Promise<unknown>> = {
  stat: async (path) => told([await view.stat(`${path}/file`)]),
  lstat: async (path) => told([await view.lstat(`${path}/file`)]),
  resolveFolder: (path) => view.resolveFolder(path),
  list: async (path) => told(await all(await view.list(path))),
  listNames: async (path) =>
    expect((await all(await view.listNames(path))).map(String)).not.toContain('only-outside'),
  openFile: async (path) => expect(await textOf(view, `${path}/file`)).not.toContain(secret),
  [onlyThere]: (path) => textOf(view, `${path}/only-outside`),
  hash: async (path) => expect(await view.hash(`${path}/file`)).not.toBe(await hashOfSecret()),
  freeSpace: (path) => view.freeSpace(path),
  'a new file': async (path) => {
    await upload(`${path}/new`, 'replace');
    await forgetting(view.removeFile(`${path}/new`));
  },
  replace: (path) => upload(`${path}/log`, 'replace'),
  append: (path) => upload(`${path}/log`, 'append'),
  'replace at an offset': (path) => upload(`${path}/log`, 'replace', 3),
  unique: (path) => upload(path, 'unique'),
  'make and remove a folder': async (path) => {
    await view.makeFolder(`${path}/made`).catch(async (error: unknown) => {
      await forgetting(view.removeFolder(`${path}/made`));
      throw error;
    });
    await view.removeFolder(`${path}/made`);
  },
  'remove a folder': async (path) => {
    await view.removeFolder(`${path}/empty`);
    while (!(await view.makeFolder(`${path}/empty`).then(() => true, isThere)));
  },
  'remove a file': async (path) => {
    await view.removeFile(`${path}/victim`);
    while (!(await upload(`${path}/victim`, 'replace').then(() => true, isThere)));
  },
  rename: async (path) => {
    await view.rename(`${path}/victim`, `${path}/file`);
    while (!(await upload(`${path}/victim`, 'replace').then(() => true, isThere)));
  },
  'rename from home': async (path) => {
    writeFileSync(join(folder.path, 'stray'), 'inside');
    await view.rename('stray', `${path}/file`);
  },
  'rename into home': async (path) => {
    await view.rename(`${path}/victim`, 'stray');
    expect(readFileSync(join(folder.path, 'stray'), 'utf8')).not.toContain(secret);
    while (!(await upload(`${path}/victim`, 'replace').then(() => true, isThere)));
  },
  setModified: (path) => view.setModified(`${path}/file`, 1_000_000),
  setMode: (path) => view.setMode(`${path}/file`, 0o640),
};

/** What is tried on a file that is swapped for a link itself. */
const onFile: Record<string, (path: string) => Promise<unknown>> = {
  stat: async (path) => told([await view.stat(path)]),
  openFile: async (path) => expect(await textOf(view, path)).not.toContain(secret),
  hash: async (path) => expect(await view.hash(path)).not.toBe(await hashOfSecret()),
  replace: (path) => upload(path, 'replace'),
  append: (path) => upload(path, 'append'),
  setModified: (path) => view.setModified(path, 1_000_000),
  setMode: (path) => view.setMode(path, 0o640),
};

const mostMs = 60_000;

const tries = [
  ...Object.entries(inFolder).flatMap(([verb, action]) =>
    ['d/flip', 'by-a-link'].map((path) => ({ verb, path, action })),
  ),
  ...Object.entries(onFile).map(([verb, action]) => ({ verb, path: 'd/name', action })),
];

it.each(tries)('$verb by $path', { timeout: 120_000 }, async ({ verb, action, path }) => {
  const met = { done: 0, refused: 0 };
  // On a busy machine the other comes between the steps of a slow verb nearly always.
  const until = performance.now() + mostMs;
  const isMet = (): boolean => met.refused > 0 && (met.done > 0 || verb === onlyThere);
  for (let round = 0; round < rounds || (!isMet() && performance.now() < until); round += 1) {
    await action(path).then(
      () => (met.done += 1),
      (error: unknown) => {
        if (!isHomeError(error)) throw error;
        if (error.code === 'refused') met.refused += 1;
        // What another round left, or what is swapped between two steps of the same verb.
        else
          expect(['not-found', 'exists', 'busy', 'not-empty', 'bad-offset', 'too-many-links']).toContain(
            error.code,
          );
      },
    );
  }
  expect(met.refused).toBeGreaterThan(0);
  if (verb !== onlyThere) expect(met.done).toBeGreaterThan(0);
});

/** Of what a try takes away before it comes again: done when it is there. */
function isThere(error: unknown): boolean {
  if (!isHomeError(error)) throw error;
  return error.code === 'exists';
}

let secretHash: Promise<string> | null = null;
function hashOfSecret(): Promise<string> {
  secretHash ??= crypto.subtle
    .digest('SHA-256', Buffer.from(secret))
    .then((hash) => Buffer.from(hash).toString('hex'));
  return secretHash;
}

/** All that can be seen of a tree: a line each. */
function stateOf(path: string): string {
  const facts = lstatSync(path);
  const own = [path, facts.ino, facts.mode, facts.size, facts.mtimeMs, facts.ctimeMs, facts.nlink].join(' ');
  if (facts.isFile()) return `${own} ${readFileSync(path, 'utf8')}`;
  return [
    own,
    ...readdirSync(path)
      .sort()
      .map((name) => stateOf(join(path, name))),
  ].join('\n');
}
