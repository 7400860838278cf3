import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DataConfig } from '../config/config.ts';
import { findOpenScripts, prepareDirectories } from './directories.ts';
import type { ProgramAccount } from './program-account.ts';
import { findClosedHome } from './shared-home.ts';

const myself: ProgramAccount = {
  name: 'me',
  isolation: null,
  ids: null,
  ownerIds: null,
  promise: '',
};
const stranger: ProgramAccount = {
  name: 'nobody',
  isolation: { user: 'nobody', group: null },
  ids: { uid: 65_534, gid: 65_534 },
  ownerIds: null,
  promise: '',
};
const separate: ProgramAccount = { ...stranger, ownerIds: { first: 1_900_000_000, last: 1_900_000_009 } };
const isRoot = process.getuid?.() === 0;

let folder = '';
let data: DataConfig;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'daybook-directories-')));
  chmodSync(folder, 0o755);
  const directory = join(folder, 'clone', 'data');
  data = {
    directory,
    homeDirectory: join(directory, 'homedir'),
    scriptsDirectory: join(directory, 'scripts'),
    pinnedDirectory: join(directory, 'pinned-scripts'),
    attemptsDirectory: join(directory, 'attempts'),
    launcherDirectory: join(directory, 'launcher'),
    stopFreeBytes: 0,
    logsDirectory: join(directory, 'logs'),
  };
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the directories of a first start', () => {
  it('are made, and the scripts directory begins with samples that can be run', async () => {
    const { scriptsDirectory } = await prepareDirectories(data, myself);
    expect(readdirSync(scriptsDirectory).sort()).toEqual(['ls.sh', 'mkdir.sh', 'touch.sh']);
    expect(statSync(join(scriptsDirectory, 'ls.sh')).mode & 0o111).toBe(0o111);
    expect(readdirSync(data.directory).sort()).toEqual([
      'attempts',
      'homedir',
      'logs',
      'pinned-scripts',
      'scripts',
    ]);
  });

  it('are left as they are when they exist: no sample comes into a directory that has scripts', async () => {
    mkdirSync(data.scriptsDirectory, { recursive: true });
    writeFileSync(join(data.scriptsDirectory, 'mine.sh'), '');
    await prepareDirectories(data, myself);
    expect(readdirSync(data.scriptsDirectory)).toEqual(['mine.sh']);
  });

  it('that cannot be made are named, with what to do', async () => {
    writeFileSync(join(folder, 'clone'), 'a file in the way');
    await expect(prepareDirectories(data, myself)).rejects.toThrow(
      /cannot be made \((ENOTDIR|EEXIST)\).*DAYBOOK_DATA/,
    );
  });

  it.each([
    ['launcher/journal', 'folder', 'file'],
    ['launcher/lock', 'folder', 'file'],
    ['worker-id', 'folder', 'file'],
    ['database.json', 'folder', 'file'],
    ['launcher', 'file', 'folder'],
    ['scripts', 'file', 'folder'],
    ['attempts', 'file', 'folder'],
  ])('with something else in a place (%s as a %s) stop the start in words', async (name, found, wanted) => {
    const path = join(data.directory, name);
    mkdirSync(found === 'folder' ? path : data.directory, { recursive: true });
    if (found === 'file') writeFileSync(path, '');
    await expect(prepareDirectories(data, myself)).rejects.toThrow(
      `${path} is a ${found}, and a ${wanted} is to stand there: move it away`,
    );
  });

  it.runIf(isRoot)('of scripts is told when programs could change what runs', () => {
    mkdirSync(data.scriptsDirectory, { recursive: true });
    expect(findOpenScripts(data.scriptsDirectory, stranger)).toBeNull();
    chownSync(data.scriptsDirectory, 65_534, 65_534);
    expect(findOpenScripts(data.scriptsDirectory, stranger)).toMatchObject({
      text: expect.stringContaining('may be written by the programs of jobs, as nobody (mode 755)') as string,
      advice: `chown 0 ${data.scriptsDirectory} && chmod go-w ${data.scriptsDirectory}`,
    });
  });

  it.runIf(isRoot)('lie where programs can reach them, when the clone is out of their reach', async () => {
    const systemDirectory = join(folder, 'system');
    mkdirSync(join(folder, 'clone'), { mode: 0o700 });
    const first = await prepareDirectories(data, stranger, { systemDirectory });
    expect(first.homeDirectory.startsWith(systemDirectory)).toBe(true);
    expect(lstatSync(data.homeDirectory).isSymbolicLink()).toBe(true);
    expect(statSync(first.homeDirectory).uid).toBe(65_534);
    expect(statSync(first.scriptsDirectory).uid).toBe(0);
    expect(await prepareDirectories(data, stranger, { systemDirectory })).toEqual(first);
  });

  describe.runIf(isRoot)('where programs of owners have numbers of their own', () => {
    const modeOf = (path: string): number => statSync(path).mode & 0o7777;

    it('make home one that its group may change, also when it is there already', async () => {
      const { homeDirectory: home } = await prepareDirectories(data, separate);
      expect([modeOf(home), statSync(home).uid, statSync(home).gid]).toEqual([0o2775, 65_534, 65_534]);
      expect(findClosedHome(home, separate)).toBeNull();
      chmodSync(home, 0o755);
      expect(findClosedHome(home, separate)?.text).toContain('cannot write into the home directory');
      await prepareDirectories(data, separate);
      expect(modeOf(home)).toBe(0o2775);
    });

    it('leave a home of somebody else as it is, and tell of it with a command that opens it', async () => {
      mkdirSync(data.homeDirectory, { recursive: true, mode: 0o755 });
      await prepareDirectories(data, separate);
      const facts = statSync(data.homeDirectory);
      expect([facts.uid, facts.gid, facts.mode & 0o7777]).toEqual([0, 0, 0o755]);
      const closed = findClosedHome(data.homeDirectory, separate);
      expect(closed?.text).toContain(`cannot write into the home directory ${data.homeDirectory}`);
      execFileSync('sh', ['-c', closed?.advice ?? '']);
      expect(findClosedHome(data.homeDirectory, separate)).toBeNull();
    });

    it('tell of what stands in home from before, until it is opened', async () => {
      await prepareDirectories(data, separate);
      const old = join(data.homeDirectory, 'old');
      mkdirSync(join(old, 'deep'), { recursive: true, mode: 0o755 });
      chmodSync(old, 0o755);
      chownSync(old, 65_534, 65_534);
      const closed = findClosedHome(data.homeDirectory, separate);
      expect(closed?.text).toContain('1 of 1 entries of the home directory');
      execFileSync('sh', ['-c', closed?.advice ?? '']);
      expect(findClosedHome(data.homeDirectory, separate)).toBeNull();
      expect(modeOf(join(old, 'deep'))).toBe(0o2775);
      expect(findClosedHome(data.homeDirectory, stranger)).toBeNull();
    });

    it('stop the start when only WORKER_USER itself would get there', async () => {
      await prepareDirectories(data, stranger);
      chownSync(folder, 65_534, 0);
      chmodSync(folder, 0o700);
      await prepareDirectories(data, stranger);
      await expect(prepareDirectories(data, separate)).rejects.toThrow(
        /in the group of nobody, which cannot reach .*DAYBOOK_OWNER_IDS=off/,
      );
    });
  });

  it.runIf(isRoot)('that exist and cannot be reached stop the start with a way out', async () => {
    mkdirSync(data.homeDirectory, { recursive: true });
    chmodSync(join(folder, 'clone'), 0o700);
    await expect(prepareDirectories(data, stranger)).rejects.toThrow(/nobody, who cannot reach .*homedir/);
  });
});
