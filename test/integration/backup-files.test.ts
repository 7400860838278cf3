import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  type PathLike,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/adapters/store/migrate.ts';
import { copyTree } from '../../src/operations/backup/copy-tree.ts';
import { runCommand } from '../support/cli.ts';
import { createEmptyDatabase, embeddedUrlName } from '../support/database.ts';
import { canMount, createSmallDisk } from '../support/faults/small-disk.ts';
import { requireService } from '../support/services.ts';

let folder = '';
let data = '';
let backup = '';
let restored = '';
let said = '';
/** Of databases without anything that anybody made, and with a user. */
let emptyUrl = '';
let usedUrl = '';
let drop = async (): Promise<void> => {};
const isRoot = process.getuid?.() === 0;

const oddNames: (string | Buffer)[] = [
  'plain.txt',
  'sp ace.txt',
  'new\nline.txt',
  '-dash.txt',
  'é-nfc.txt',
  'e\u0301-nfc.txt',
  Buffer.from('latin\xe9.txt', 'latin1'),
  'percent%41.txt',
  'percent%E9.txt',
  'back\\slash.txt',
  'tab\tx.txt',
  'emoji😀.txt',
  'x'.repeat(255),
  'trail. ',
  '.hidden',
  Buffer.from('ctrl\x01\x7f.txt'),
  'UPPER.TXT',
  'upper.txt',
  Buffer.from([0xff]),
  Buffer.from([0xed, 0xa0, 0x80]),
];

function within(directory: string, name: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name)]);
}

/**
 * Everything below a folder as find(1) sees it: bytes of the name, kind, size, rights, owner, names, time to the
 * microsecond, link.
 */
function everythingIn(directory: string): string[] {
  const format = String.raw`%P\0%y %s %m %U %G %n %T@ %l\0`;
  const words = execFileSync('find', [directory, '-printf', format], { encoding: 'latin1' }).split('\0');
  const entries: string[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [kind = '', size, ...rest] = (words[at + 1] ?? '').split(' ');
    const facts = rest.join(' ').replace(/(\.\d{6})\d+/, '$1');
    // How large a folder is, is the file system's business.
    entries.push(`${words[at]} ${kind} ${kind === 'd' ? '' : size} ${facts}`);
  }
  return entries.sort();
}

function fill(home: string): void {
  for (const name of oddNames) writeFileSync(within(home, name), Buffer.from(`content of ${String(name)}`));
  const deep = within(join(home, 'sub', 'deep'), Buffer.from('\xff dir', 'latin1'));
  mkdirSync(deep, { recursive: true });
  writeFileSync(Buffer.concat([deep, Buffer.from('/f')]), 'x');
  mkdirSync(join(home, 'empty'));
  linkSync(join(home, 'plain.txt'), join(home, 'hard'));
  linkSync(join(home, 'plain.txt'), join(home, 'sub', 'hard'));
  symlinkSync(Buffer.from('to\xe9', 'latin1'), join(home, 'dangling'));
  symlinkSync('/etc', join(home, 'absolute'));
  writeFileSync(join(home, 'sparse'), 'begin');
  truncateSync(join(home, 'sparse'), 100_000_000);
  appendFileSync(join(home, 'sparse'), 'end');
  writeFileSync(join(home, 'empty.txt'), '');
  writeFileSync(join(home, 'read-only'), 'x', { mode: 0o444 });
  mkdirSync(join(home, 'closed'));
  writeFileSync(join(home, 'closed', 'f'), 'x');
  chmodSync(join(home, 'closed'), 0o555);
  chmodSync(join(home, 'plain.txt'), 0o4750);
  const past = (path: PathLike, seconds: number): void => utimesSync(path, seconds, seconds);
  past(join(home, 'plain.txt'), 1_000_000_000.123456);
  past(join(home, 'empty.txt'), -86_400);
  past(deep, 1_234_567_890);
  past(join(home, 'empty'), 1_111_111_111.5);
  // To somebody who is neither root nor the account of the programs; that takes the setuid bit of a file.
  if (isRoot)
    for (const name of ['plain.txt', 'empty', 'dangling']) lchownSync(join(home, name), 1_234, 5_678);
  chmodSync(join(home, 'plain.txt'), 0o4750);
  execFileSync('touch', ['-h', '-d', '2001-02-03 04:05:06.789', join(home, 'dangling')]);
}

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'daybook-backup-files-')));
  chmodSync(folder, 0o755);
  data = join(folder, 'data');
  const home = join(data, 'homedir');
  mkdirSync(home, { recursive: true });
  fill(home);
  const scripts = join(data, 'scripts');
  mkdirSync(scripts);
  writeFileSync(within(scripts, Buffer.from('latin\xe9.sh', 'latin1')), '#!/bin/sh\n', { mode: 0o755 });
  const url = process.env[embeddedUrlName] ?? '';
  const [old, target, used] = [
    await createEmptyDatabase(url),
    await createEmptyDatabase(url),
    await createEmptyDatabase(url),
  ];
  drop = async () => {
    for (const database of [old, target, used]) await database.drop();
  };
  await migrate(old.db);
  await used.db.query('create table users as select 1 as id');
  [emptyUrl, usedUrl] = [old.url, used.url];
  backup = join(folder, 'backup');
  const written = await runCommand(['backup', '--home', backup], {
    DATABASE_URL: old.url,
    DAYBOOK_DATA: data,
  });
  expect(written.code).toBe(0);
  said = written.stdout + written.stderr;
  restored = join(folder, 'restored');
  const { code, stderr } = await runCommand(['restore', backup, '--data', restored], {
    DATABASE_URL: target.url,
  });
  expect(stderr).not.toContain('daybook:');
  expect(code).toBe(0);
}, 60_000);
afterAll(async () => {
  await drop();
  execFileSync('chmod', ['-R', 'u+rwX', folder]);
  rmSync(folder, { recursive: true, force: true });
});

describe('files of a backup', () => {
  it.each(['homedir', 'scripts'])(
    'come back with the bytes of their names, their times, rights, links and sizes: %s',
    (name) => {
      expect(everythingIn(join(restored, name))).toEqual(everythingIn(join(data, name)));
      execFileSync('diff', ['-r', '--no-dereference', join(data, name), join(restored, name)]);
    },
  );

  it('take no more room than they did, in the backup and behind it: a hole stays a hole', () => {
    const usedKib = (...path: string[]): number => statSync(join(...path)).blocks / 2;
    expect(usedKib(backup, 'home', 'sparse')).toBeLessThan(200);
    expect(usedKib(restored, 'homedir', 'sparse')).toBeLessThan(200);
    expect(
      readFileSync(join(restored, 'homedir', 'sparse'))
        .subarray(-3)
        .toString(),
    ).toBe('end');
    expect(existsSync(join(backup, 'home', 'hard'))).toBe(true);
    expect(existsSync(join(backup, 'home', 'plain.txt'))).toBe(false);
  });

  it('all taken: the backup is whole', () => {
    expect(said).toContain(`${backup} is whole: `);
    expect(said).not.toContain('Not in the backup');
  });

  it('stand in the manifest as people can read them', () => {
    const { files } = JSON.parse(readFileSync(join(backup, 'manifest.json'), 'utf8')) as {
      files: { path: string }[];
    };
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(['home/latin%E9.txt', 'home/percent%2541.txt', 'home/emoji😀.txt']),
    );
  });
});

describe('a restore', () => {
  it.runIf(isRoot).each(['daemon', 'root'])(
    'gives what belonged to the programs to those of this machine, and nobody else: they ran as %s',
    async (programs) => {
      const uidOf = (name: string): number => Number(execFileSync('id', ['-u', name], { encoding: 'utf8' }));
      const theirs = join(data, 'homedir', 'theirs');
      writeFileSync(theirs, '');
      chownSync(theirs, uidOf(programs), uidOf(programs));
      const [copy, to] = [join(folder, `of-${programs}`), join(folder, `for-nobody-${programs}`)];
      const env = { DATABASE_URL: emptyUrl, DAYBOOK_DATA: data, WORKER_USER: programs };
      expect((await runCommand(['backup', '--home', copy], env)).code).toBe(0);
      rmSync(theirs);
      const { code } = await runCommand(['restore', copy, '--data', to], { DATABASE_URL: emptyUrl });
      expect(code).toBe(0);
      expect(statSync(join(to, 'homedir', 'theirs')).uid).toBe(uidOf('nobody'));
      expect(statSync(join(to, 'homedir', 'plain.txt')).uid).toBe(1_234);
      expect(statSync(join(to, 'scripts')).uid).toBe(0);
    },
  );

  const mayMount = requireService('a file system of its own (mount)', canMount());
  it.runIf(mayMount)(
    'fills a disk that is mounted where it goes; one that fails leaves it empty',
    async () => {
      const disk = createSmallDisk(400 * 1024 * 1024);
      const restore = (env: Record<string, string>) =>
        runCommand(['restore', backup, '--data', disk.folder], env);
      try {
        // As mkfs.ext4 leaves one.
        mkdirSync(join(disk.folder, 'lost+found'));
        expect((await restore({ DATABASE_URL: usedUrl })).stderr).toContain('The database has jobs or users');
        expect(readdirSync(disk.folder)).toEqual(['lost+found']);
        expect(await restore({})).toMatchObject({ code: 0 });
        const names = readdirSync(disk.folder);
        expect(names).toEqual(expect.arrayContaining(['database', 'homedir', 'lost+found', 'scripts']));
        expect(names.filter((name) => name.includes('part'))).toEqual([]);
        expect(everythingIn(join(disk.folder, 'homedir'))).toEqual(everythingIn(join(restored, 'homedir')));
      } finally {
        disk.remove();
      }
    },
  );
});

describe('what cannot be in a backup is named by it, by --verify and by the restore', () => {
  it('a pipe, a socket and, for who is not root, what is closed', async () => {
    const odd = join(folder, 'odd-data');
    const home = join(odd, 'homedir');
    mkdirSync(home, { recursive: true });
    execFileSync('mkfifo', [join(home, 'fifo')]);
    execFileSync('python3', [
      '-c',
      'import socket, sys\nsocket.socket(socket.AF_UNIX).bind(sys.argv[1])',
      join(home, 'sock'),
    ]);
    writeFileSync(join(home, 'closed'), 'x', { mode: 0 });
    const url = process.env[embeddedUrlName] ?? '';
    const [old, target] = [await createEmptyDatabase(url), await createEmptyDatabase(url)];
    try {
      await migrate(old.db);
      const place = join(folder, 'odd');
      const written = await runCommand(['backup', '--home', place], {
        DATABASE_URL: old.url,
        DAYBOOK_DATA: odd,
      });
      const verified = await runCommand(['backup', '--verify', place]);
      const back = await runCommand(['restore', place, '--data', join(folder, 'odd-back')], {
        DATABASE_URL: target.url,
      });
      for (const { code, stderr } of [written, verified, back]) {
        expect(code).toBe(0);
        expect(stderr).toContain('Not in the backup: home/fifo (a pipe (fifo))\n');
        expect(stderr).toContain('Not in the backup: home/sock (a socket)\n');
        expect(stderr.includes('home/closed (it cannot be read (EACCES))')).toBe(!isRoot);
      }
      const count = isRoot ? '2 entries' : '3 entries';
      for (const { stdout } of [written, verified])
        expect(stdout).toContain(`${place} is whole but for ${count} that could not be taken: `);
      const { notTaken } = JSON.parse((await runCommand(['backup', '--verify', '--json', place])).stdout) as {
        notTaken: object[];
      };
      expect(notTaken).toContainEqual({ path: 'home/fifo', why: 'a pipe (fifo)' });
    } finally {
      await old.drop();
      await target.drop();
    }
  });

  it('a file that changes while it is read; one that vanishes; a folder that becomes a link leads nowhere', async () => {
    const from = join(folder, 'busy');
    mkdirSync(from);
    writeFileSync(join(from, 'grows'), Buffer.alloc(200_000_000, 1));
    for (let count = 0; count < 50; count += 1) mkdirSync(join(from, `z${count}`));
    for (let count = 0; count < 50; count += 1) writeFileSync(join(from, `z${count}`, 'file'), 'x');
    mkdirSync(join(folder, 'busy-copy'));
    const copying = copyTree(from, join(folder, 'busy-copy'), 'home');
    // The large one is read first, by name.
    for (const target = join(folder, 'busy-copy', 'home', 'grows'); !existsSync(target);)
      await new Promise((resolve) => setImmediate(resolve));
    appendFileSync(join(from, 'grows'), 'more');
    rmSync(join(from, 'z7'), { recursive: true });
    rmSync(join(from, 'z8', 'file'));
    rmSync(join(from, 'z8'), { recursive: true });
    symlinkSync('/etc', join(from, 'z8'));
    const tree = await copying;
    expect(tree.changed).toEqual(['home/grows']);
    expect(tree.files.find(({ path }) => path === 'home/grows')?.bytes).toBe(200_000_000);
    expect(tree.notTaken).toEqual([{ path: 'home/z7', why: 'it vanished while the backup was written' }]);
    expect(tree.links).toMatchObject([{ path: 'home/z8', target: '/etc' }]);
  });
});

describe('what is no backup of ours', () => {
  it('stays: a folder in the place where it is to be written', async () => {
    const url = process.env[embeddedUrlName] ?? '';
    const database = await createEmptyDatabase(url);
    try {
      await migrate(database.db);
      const place = join(folder, 'tuesday');
      mkdirSync(`${place}.part`);
      writeFileSync(join(`${place}.part`, 'mine.txt'), 'mine');
      const env = { DATABASE_URL: database.url, DAYBOOK_DATA: data };
      const refused = await runCommand(['backup', place], env);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(
        `${place}.part is in the way, and is no backup that broke off. Move it away`,
      );
      expect(readdirSync(`${place}.part`)).toEqual(['mine.txt']);
      rmSync(join(`${place}.part`, 'mine.txt'));
      writeFileSync(
        join(`${place}.part`, 'backup.lock.1'),
        '{"pid":1,"startTime":"1","bootId":"of yesterday"}',
      );
      mkdirSync(join(`${place}.part`, 'tables'));
      expect((await runCommand(['backup', place], env)).code).toBe(0);
      expect(readdirSync(place).sort()).toEqual(['manifest.json', 'manifest.sha256', 'scripts', 'tables']);
      expect(existsSync(`${place}.part`)).toBe(false);
    } finally {
      await database.drop();
    }
  });
});

it('a backup of the former format restores: its names are text, percent signs included', async () => {
  const url = process.env[embeddedUrlName] ?? '';
  const database = await createEmptyDatabase(url);
  try {
    const former = join(folder, 'former');
    execFileSync('cp', ['-a', backup, former]);
    const path = join(former, 'manifest.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown> & {
      files: { path: string }[];
    };
    const isText = ({ path }: { path: string }): boolean => !/%(?!25)/.test(path);
    const files = manifest.files
      .filter(isText)
      .map((file) => ({ ...file, path: file.path.replaceAll('%25', '%') }));
    const { hardLinks: _links, notTaken: _left, changed: _changed, ...rest } = manifest;
    const directories = [
      { path: 'home', mode: 0o755 },
      { path: 'home/closed', mode: 0o555 },
      { path: 'scripts', mode: 0o755 },
    ];
    const text = JSON.stringify({ ...rest, format: 1, files, links: [], directories });
    writeFileSync(path, text);
    const sum = execFileSync('sha256sum', [path], { encoding: 'utf8' }).split(' ')[0];
    writeFileSync(join(former, 'manifest.sha256'), `${sum}  manifest.json\n`);
    const to = join(folder, 'former-data');
    const { code, stderr } = await runCommand(['restore', former, '--data', to], {
      DATABASE_URL: database.url,
    });
    expect(stderr).not.toContain('daybook:');
    expect(code).toBe(0);
    expect(readFileSync(join(to, 'homedir', 'percent%41.txt'), 'utf8')).toBe('content of percent%41.txt');
  } finally {
    await database.drop();
  }
});

it('uploads that are not whole are left out, without a word', async () => {
  const from = join(folder, 'with-uploads');
  mkdirSync(join(from, 'disk', '.daybook-uploads', 'slot'), { recursive: true });
  mkdirSync(join(from, '.daybook-uploads'));
  writeFileSync(join(from, 'disk', '.daybook-uploads', 'slot', 'half'), 'half');
  writeFileSync(join(from, 'whole'), 'whole');
  const { files, directories, notTaken } = await copyTree(from, join(folder, 'without-uploads'), 'home');
  expect(files.map(({ path }) => path)).toEqual(['home/whole']);
  expect(directories.map(({ path }) => path)).toEqual(['home', 'home/disk']);
  expect(notTaken).toEqual([]);
});
