import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findScript } from './find-script.ts';

let root = '';
let scripts = '';

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'daybook-find-')));
  scripts = join(root, 'scripts');
  mkdirSync(scripts);
  write(join(scripts, 'run.sh'));
});

afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, mode = 0o755): string {
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, mode);
  return path;
}

const find = (name: string, allowShell = false): ReturnType<typeof findScript> =>
  findScript(name, { scriptsDirectory: scripts, allowShell });

describe('a script', () => {
  it('is found by its name, and runs under that name', async () => {
    expect(await find('run.sh')).toMatchObject({ file: join(scripts, 'run.sh') });
    symlinkSync('run.sh', join(scripts, 'alias'));
    expect(await find('alias')).toMatchObject({ file: join(scripts, 'alias') });
  });

  it('is found where the scripts directory itself is a link', async () => {
    const link = join(root, 'link');
    symlinkSync(scripts, link);
    expect(await findScript('run.sh', { scriptsDirectory: link, allowShell: false })).toEqual({
      file: join(link, 'run.sh'),
      script: join(link, 'run.sh'),
    });
  });

  it('may be a link into a folder of the scripts directory', async () => {
    mkdirSync(join(scripts, 'versions'));
    write(join(scripts, 'versions', 'two.sh'));
    symlinkSync('versions/two.sh', join(scripts, 'current'));
    expect(await find('current')).toMatchObject({ file: join(scripts, 'current') });
  });

  it.each([
    ['a file outside', () => write(join(root, 'outside'))],
    [
      'a neighbour whose name only begins alike',
      () => {
        mkdirSync(join(root, 'scripts-old'));
        return write(join(root, 'scripts-old', 'x'));
      },
    ],
    [
      'a link that leads out in its turn',
      () => {
        write(join(root, 'far'));
        symlinkSync(join(root, 'far'), join(scripts, 'hop'));
        return join(scripts, 'hop');
      },
    ],
    ['the scripts directory itself', () => scripts],
    [
      'a folder',
      () => {
        mkdirSync(join(scripts, 'folder'));
        return join(scripts, 'folder');
      },
    ],
  ])('is refused with 126 when it is a link to %s', async (_what, makeTarget) => {
    symlinkSync(makeTarget(), join(scripts, 'link'));
    expect(await find('link')).toEqual({ exitCode: 126, message: expect.stringMatching(/^link: /) });
    expect(await find('link', true)).toMatchObject({ exitCode: 126 });
  });

  it('is refused with 126 when nobody may execute it', async () => {
    write(join(scripts, 'plain'), 0o644);
    expect(await find('plain')).toEqual({ exitCode: 126, message: expect.stringContaining('chmod +x') });
  });

  it('is missing with 127 when there is none, a broken link or a loop of links', async () => {
    symlinkSync('nowhere', join(scripts, 'broken'));
    symlinkSync('loop', join(scripts, 'loop'));
    for (const name of ['none', 'broken', 'loop'])
      expect(await find(name)).toEqual({ exitCode: 127, message: expect.stringContaining(name) });
  });
});

describe('with programs of PATH allowed', () => {
  it('a script wins, and any other name is left to PATH', async () => {
    expect(await find('run.sh', true)).toMatchObject({ file: join(scripts, 'run.sh') });
    expect(await find('echo', true)).toEqual({ file: 'echo', script: null });
  });
});
