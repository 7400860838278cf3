import { execFileSync } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { all, createHomeFolder, inMemory, type HomeFolder } from '../../../test/support/home/home-folder.ts';
import { isHomeError, toShownName, type HomeView, type Upload } from './ports.ts';

let folder: HomeFolder;
let before = '';
const workshop = mkdtempSync(join(inMemory, 'daybook-pipe-'));
const pipe = join(workshop, 'pipe');

beforeAll(() => void execFileSync('mkfifo', [pipe]));
afterAll(() => rmSync(workshop, { recursive: true }));

beforeEach(() => {
  folder = createHomeFolder(inMemory);
  const at = (...parts: string[]): string => join(folder.root, ...parts);
  mkdirSync(at('outside', 'inner'), { recursive: true });
  writeFileSync(at('outside', 'secret'), 'secret');
  // Its name begins like that of home.
  mkdirSync(at('home-of-others'));
  mkdirSync(at('home', 'd', 'e'), { recursive: true });
  writeFileSync(at('home', 'file'), 'mine');
  writeFileSync(at('home', 'line\nbreak'), 'mine');
  symlinkSync('../outside', at('home', 'out'));
  symlinkSync(at('outside', 'secret'), at('home', 'out-file'));
  symlinkSync('../outside/new', at('home', 'out-new'));
  symlinkSync(at('home-of-others'), at('home', 'out-alike'));
  symlinkSync('out/inner', at('home', 'out-chain'));
  symlinkSync('d/../../outside', at('home', 'out-dots'));
  symlinkSync('nothing', at('home', 'dangling'));
  symlinkSync('loop', at('home', 'loop'));
  symlinkSync('loop-b', at('home', 'loop-a'));
  symlinkSync('loop-a/x', at('home', 'loop-b'));
  symlinkSync('file', at('home', 'near'));
  symlinkSync(at('home', 'd'), at('home', 'near-folder'));
  // A process for each test would take most of the time.
  for (const place of ['home', 'outside']) linkSync(pipe, at(place, 'pipe'));
  before = stateOf(at('outside'));
});
afterEach(() => {
  expect(stateOf(join(folder.root, 'outside'))).toBe(before);
  expect(readdirSync(join(folder.root, 'home-of-others'))).toEqual([]);
  folder.remove();
});

type Try = (view: HomeView, path: string) => Promise<unknown>;

const commit = async (beginning: Promise<Upload>): Promise<unknown> => {
  const upload = await beginning;
  await upload.write(Buffer.from('forged'));
  return upload.commit();
};

const verbs = {
  stat: (view, path) => view.stat(path),
  lstat: (view, path) => view.lstat(path),
  resolveFolder: (view, path) => view.resolveFolder(path),
  list: async (view, path) => all(await view.list(path)),
  listNames: async (view, path) => all(await view.listNames(path)),
  openFile: async (view, path) => (await view.openFile(path)).close(),
  hash: (view, path) => view.hash(path),
  freeSpace: (view, path) => view.freeSpace(path),
  replace: (view, path) => commit(view.beginUpload(path, { mode: 'replace' })),
  offset: (view, path) => commit(view.beginUpload(path, { mode: 'replace', offset: 1 })),
  append: (view, path) => commit(view.beginUpload(path, { mode: 'append' })),
  unique: (view, path) => commit(view.beginUpload(path, { mode: 'unique' })),
  makeFolder: (view, path) => view.makeFolder(path),
  removeFolder: (view, path) => view.removeFolder(path),
  removeFile: (view, path) => view.removeFile(path),
  renameFrom: (view, path) => view.rename(path, 'renamed'),
  renameTo: (view, path) => view.rename('file', path),
  setModified: (view, path) => view.setModified(path, 1_000),
  setMode: (view, path) => view.setMode(path, 0o600),
} satisfies Record<string, Try>;
type Verb = keyof typeof verbs;

const all19 = Object.keys(verbs) as Verb[];
const onFolders: Verb[] = ['resolveFolder', 'list', 'listNames', 'freeSpace', 'unique'];
const onTheLink: Verb[] = ['lstat', 'removeFile', 'renameFrom'];

/** What each verb does there; `null`: it works. */
type Row = Partial<Record<Verb, string | null>>;
const every = (code: string | null, verbs = all19): Row =>
  Object.fromEntries(verbs.map((verb) => [verb, code]));

/** The entry is a link at the end of the path, which cannot be followed. */
const linkRow = (code: string): Row => ({
  ...every(code),
  ...every(null, onTheLink),
  makeFolder: 'exists',
  removeFolder: 'not-folder',
});
const missingRow: Row = {
  ...every('not-found'),
  ...every(null, ['replace', 'append', 'makeFolder', 'renameTo']),
  offset: 'bad-offset',
};
const rootRow: Row = {
  ...every(null),
  ...every('is-folder', ['openFile', 'hash', 'replace', 'offset', 'append', 'removeFile']),
  ...every('exists', ['makeFolder', 'renameTo']),
  ...every('refused', ['removeFolder', 'renameFrom', 'setModified', 'setMode']),
};

const table: [string, string, Row][] = [
  ['the folder above', '..', every('refused')],
  ['the folder above, as if absolute', '/..', every('refused')],
  ['a way over the folder above', '../outside/secret', every('refused')],
  ['a way through a folder and out', 'd/../../outside/secret', every('refused')],
  ['a way out and back', '../home/file', every('refused')],
  ['behind a link that leads out', 'out/secret', every('refused')],
  ['a name behind a link that leads out', 'out/new', every('refused')],
  ['above a link that leads out', 'out/..', every('refused')],
  ['a pipe behind a link that leads out', 'out/pipe', every('refused')],
  ['a link to a folder outside', 'out', linkRow('refused')],
  ['a link to a file outside', 'out-file', linkRow('refused')],
  ['a link to nothing outside', 'out-new', linkRow('refused')],
  ['a link to a folder whose name begins alike', 'out-alike', linkRow('refused')],
  ['a link to a link that leads out', 'out-chain', linkRow('refused')],
  ['a link that leads out by dots', 'out-dots', linkRow('refused')],
  ['a link to itself', 'loop', linkRow('too-many-links')],
  ['links in a circle', 'loop-a', linkRow('too-many-links')],
  ['behind links in a circle', 'loop/x', every('too-many-links')],
  ['a NUL', 'fi\0le', every('bad-name')],
  ['a NUL after a name', 'file\0', every('bad-name')],
  ['a name of 256 bytes', 'é'.repeat(128), every('name-too-long')],
  ['a name of 255 bytes', `${'é'.repeat(127)}x`, missingRow],
  ['a path of 4097 bytes', 'd/../'.repeat(819) + 'd/', every('name-too-long')],
  ['the hidden folder', '.daybook-uploads', every('refused')],
  ['what is in the hidden folder', 'd/../.daybook-uploads/x', every('refused')],
  [
    'a new name with a line feed',
    'new\nname',
    { ...missingRow, ...every('bad-name', ['replace', 'offset', 'append', 'makeFolder', 'renameTo']) },
  ],
  [
    'a new name with a carriage return',
    'new\rname',
    { ...missingRow, ...every('bad-name', ['replace', 'offset', 'append', 'makeFolder', 'renameTo']) },
  ],
  ['a file with a line break in its name', 'line\nbreak', fileRow()],
  ['a file', 'file', { ...fileRow(), renameTo: null }],
  ['a file, as if absolute, by dots', '/d/./..//file', fileRow()],
  ['a link to a file', 'near', { ...fileRow() }],
  ['behind a file', 'file/x', every('not-folder')],
  ['above a file', 'file/..', every('not-folder')],
  ['nothing', 'nothing', missingRow],
  ['in a folder that is not there', 'nothing/x', every('not-found')],
  [
    'a link to nothing',
    'dangling',
    { ...missingRow, ...every(null, onTheLink), makeFolder: 'exists', removeFolder: 'not-folder' },
  ],
  ['the folder of the view', '/', rootRow],
  ['the folder of the view, as nothing', '', rootRow],
  ['the folder of the view, by dots', 'd/..', rootRow],
  ['a folder', 'd/e', folderRow()],
  ['a folder behind an absolute link', 'near-folder/e', folderRow()],
  ['a full folder', 'd', { ...folderRow(), removeFolder: 'not-empty' }],
  ['a pipe', 'pipe', pipeRow()],
];

function fileRow(): Row {
  return { ...every(null), ...every('not-folder', [...onFolders, 'removeFolder']), makeFolder: 'exists' };
}

function folderRow(): Row {
  return {
    ...every(null),
    ...every('is-folder', ['openFile', 'hash', 'replace', 'offset', 'append', 'removeFile', 'renameTo']),
    makeFolder: 'exists',
  };
}

function pipeRow(): Row {
  return {
    ...every(null),
    ...every('not-folder', [...onFolders, 'removeFolder']),
    ...every('refused', ['openFile', 'hash', 'replace', 'offset', 'append', 'setModified', 'setMode']),
    makeFolder: 'exists',
  };
}

describe.each(table)('%s', (_what, path, row) => {
  it.each(all19)('%s', async (verb) => {
    const view = await folder.view();
    const result = await verbs[verb](view, path).then(
      () => null,
      (error: unknown) => {
        if (!isHomeError(error)) throw error;
        expect(error.message).not.toMatch(/[\r\n\0]/);
        expect(error.message.startsWith(toShownName(path).slice(0, 300) || '/')).toBe(true);
        return error.code;
      },
    );
    expect(result).toBe(row[verb]);
  });
});

it.each([
  'replace',
  'offset',
  'append',
  'unique',
  'makeFolder',
  'removeFolder',
  'removeFile',
  'renameFrom',
  'renameTo',
  'setModified',
  'setMode',
] as const)('%s changes nothing in a read-only view', async (verb) => {
  const inside = stateOf(folder.path);
  const view = await folder.view({ isReadOnly: true });
  for (const path of ['file', 'd', 'new', '..'])
    await expect(verbs[verb](view, path)).rejects.toMatchObject({ code: 'read-only' });
  expect(stateOf(folder.path)).toBe(inside);
  expect(view.isReadOnly).toBe(true);
});

it('the view of a folder is led out by nothing, neither to home nor to the folders of others', async () => {
  mkdirSync(join(folder.path, 'ben'));
  writeFileSync(join(folder.path, 'ben', 'secret'), 'secret');
  const view = await folder.view({ folder: 'ana' });
  symlinkSync('../ben', join(folder.path, 'ana', 'out'));
  symlinkSync(join(folder.path, 'ben'), join(folder.path, 'ana', 'out-absolute'));
  symlinkSync(join(folder.path, 'ana', 'mine'), join(folder.path, 'ana', 'near'));
  writeFileSync(join(folder.path, 'ana', 'mine'), 'mine');
  for (const path of ['..', '../ben/secret', 'out/secret', 'out-absolute/secret', '/../ben'])
    await expect(view.stat(path)).rejects.toMatchObject({ code: 'refused' });
  expect(await view.stat('near')).toMatchObject({ sizeBytes: 4 });
  expect(await view.resolveFolder('/')).toEqual(Buffer.from('/'));
});

it.each(['', '.', '..', 'a/b', '.daybook-uploads', 'fi\0le'])(
  '%j is no folder of an account',
  async (name) => {
    await expect(folder.view({ folder: name })).rejects.toMatchObject({ code: 'bad-name' });
  },
);

it.each(['out', 'near-folder', 'file'])('the folder of an account is not %s', async (name) => {
  await expect(folder.view({ folder: name })).rejects.toMatchObject({ code: 'not-folder' });
});

/** All that can be seen of a tree. */
function stateOf(path: string): string {
  const facts = lstatSync(path);
  const own = [path, facts.mode, facts.size, facts.mtimeMs, facts.ino].join(' ');
  if (facts.isSymbolicLink()) return `${own} → ${readlinkSync(path)}\n`;
  if (facts.isFile()) return `${own} ${readFileSync(path, 'utf8')}\n`;
  if (!facts.isDirectory()) return `${own}\n`;
  const names = readdirSync(path).sort();
  return [`${own}\n`, ...names.map((name) => stateOf(join(path, name)))].join('');
}
