import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Actor } from '../../contract/actor.ts';
import { isAppError } from '../../contract/errors.ts';
import type { ScriptStore, Scripts } from './ports.ts';
import { createScripts } from './scripts.ts';

const ana: Actor = { name: 'ana', accountId: 1, role: 'operator' };
const bo: Actor = { name: 'bo', accountId: 2, role: 'operator' };
let root = '';
let folder = '';
let scripts: Scripts;
let history: ReturnType<typeof createHistory>;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'daybook-scripts-'));
  folder = join(root, 'scripts');
  mkdirSync(folder);
  history = createHistory();
  scripts = createScripts(folder, history);
});

afterEach(() => rmSync(root, { recursive: true }));

function createHistory(): ScriptStore & {
  rows: Awaited<ReturnType<ScriptStore['list']>>;
  fails: boolean;
} {
  const rows: (Awaited<ReturnType<ScriptStore['list']>>[number] & { name: string })[] = [];
  const self = {
    rows,
    fails: false,
    add: async (version: Parameters<ScriptStore['add']>[0]) => {
      if (self.fails) throw new Error('the database went away');
      rows.unshift({ ...version, id: rows.length + 1, at: new Date() });
    },
    list: async (name: string) => rows.filter((row) => row.name === name),
  };
  return self;
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  const problem: unknown = await action.then(
    () => 'done',
    (error: unknown) => error,
  );
  return isAppError(problem) ? problem.code : String(problem);
}

describe('a script', () => {
  it('is executable for everybody, exact to the byte, and leaves nothing else behind', async () => {
    const text = '#!/bin/sh\r\necho "ä 漢 😀"\r\n\ttail without end';
    const facts = await scripts.put('run.sh', text, ana);
    expect(facts).toMatchObject({ name: 'run.sh', sizeBytes: Buffer.byteLength(text), isExecutable: true });
    expect(readFileSync(join(folder, 'run.sh'), 'utf8')).toBe(text);
    expect(statSync(join(folder, 'run.sh')).mode & 0o777).toBe(0o755);
    expect(readdirSync(folder)).toEqual(['run.sh']);
    expect(await scripts.read('run.sh')).toMatchObject({
      text,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('keeps its versions with their authors, newest first, beyond its removal', async () => {
    await scripts.put('a', 'one', ana);
    await scripts.put('a', 'two', bo);
    await scripts.put('other', 'x', ana);
    await scripts.remove('a', bo);
    expect(await scripts.versions('a')).toMatchObject([
      { action: 'delete', actor: 'bo', text: null, sha256: null },
      { action: 'put', actor: 'bo', text: 'two' },
      { action: 'put', actor: 'ana', text: 'one' },
    ]);
    expect(readdirSync(folder)).toEqual(['other']);
    expect(await codeOf(scripts.read('a'))).toBe('not_found');
    expect(await codeOf(scripts.remove('a', bo))).toBe('not_found');
  });

  it('stays as it was when the history cannot be written', async () => {
    await scripts.put('a', 'one', ana);
    history.fails = true;
    await expect(scripts.put('a', 'two', ana)).rejects.toThrow('went away');
    await expect(scripts.remove('a', ana)).rejects.toThrow('went away');
    expect((await scripts.read('a')).text).toBe('one');
    expect(readdirSync(folder)).toEqual(['a']);
  });

  it('is one of the texts whole, whoever wrote last, when many write at once', async () => {
    const texts = Array.from({ length: 20 }, (_, index) => String(index).repeat(10_000));
    await Promise.all(texts.map((text) => scripts.put('a', text, ana)));
    expect(texts).toContain((await scripts.read('a')).text);
    expect(readdirSync(folder)).toEqual(['a']);
  });

  it('is too large to show above a mebibyte', async () => {
    writeFileSync(join(folder, 'program'), Buffer.alloc(1024 * 1024 + 1));
    expect(await codeOf(scripts.read('program'))).toBe('payload_too_large');
  });
});

describe('a name', () => {
  it.each([
    '',
    '.',
    '..',
    '.hidden',
    '-rf',
    '../a',
    'a/b',
    '/etc/passwd',
    'a b',
    'a\nb',
    'a\0',
    'ä',
    'x'.repeat(201),
  ])('%j is refused, and neither directory nor history changes', async (name) => {
    for (const action of [scripts.put(name, 'x', ana), scripts.read(name), scripts.remove(name, ana)])
      expect(await codeOf(action)).toBe('invalid_input');
    expect([readdirSync(root), readdirSync(folder), history.rows]).toEqual([['scripts'], [], []]);
  });

  it('that vanishes while it is read is not there, and nothing worse', async () => {
    const path = join(folder, 'brief.sh');
    const outcomes = new Set<string>();
    for (let round = 0; round < 300; round += 1) {
      writeFileSync(path, 'echo here\n');
      const reading = scripts.read('brief.sh').then(
        ({ text }) => text,
        (error: unknown) => (isAppError(error) ? error.code : String(error)),
      );
      // Some looks at the file come before, some after.
      for (let turns = 0; turns < round % 6; turns += 1) await new Promise(setImmediate);
      rmSync(path);
      outcomes.add(await reading);
    }
    expect([...outcomes].filter((outcome) => outcome !== 'echo here\n' && outcome !== 'not_found')).toEqual(
      [],
    );
  });

  it('removed by two at once is gone, and neither is told of an error', async () => {
    await scripts.put('twice', 'x', ana);
    const removals = await Promise.allSettled([scripts.remove('twice', ana), scripts.remove('twice', bo)]);
    expect(removals.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(await codeOf(scripts.read('twice'))).toBe('not_found');
  });

  it('of a folder can be neither read, written nor removed, and the history does not claim so', async () => {
    mkdirSync(join(folder, 'folder'));
    writeFileSync(join(folder, 'folder', 'inside'), '');
    expect(await codeOf(scripts.read('folder'))).toBe('not_found');
    expect(await codeOf(scripts.remove('folder', ana))).toBe('not_found');
    expect(await codeOf(scripts.put('folder', 'x', ana))).toBe('conflict');
    expect([readdirSync(folder), readdirSync(join(folder, 'folder')), history.rows]).toEqual([
      ['folder'],
      ['inside'],
      [],
    ]);
  });

  it('of a link shows and removes nothing of its target; a put replaces the link alone', async () => {
    writeFileSync(join(root, 'secret'), 'secret');
    symlinkSync(join(root, 'secret'), join(folder, 'link'));
    expect(await scripts.list()).toEqual([]);
    expect(await codeOf(scripts.read('link'))).toBe('not_found');
    expect(await codeOf(scripts.remove('link', ana))).toBe('not_found');
    await scripts.put('link', 'mine', ana);
    expect((await scripts.read('link')).text).toBe('mine');
    expect(readFileSync(join(root, 'secret'), 'utf8')).toBe('secret');
  });
});

it('the list has regular files in order of name, and says which nobody can run', async () => {
  await scripts.put('b', 'x', ana);
  writeFileSync(join(folder, 'a'), 'x', { mode: 0o644 });
  writeFileSync(join(folder, '.b.1234'), 'half');
  mkdirSync(join(folder, 'c'));
  expect(await scripts.list()).toMatchObject([
    { name: 'a', isExecutable: false },
    { name: 'b', isExecutable: true },
  ]);
});
