/** FTP with the clients that people have: what they send is theirs to say, and what arrives must be the same bytes. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFtp, type FtpPlace } from '../support/ftp/server.ts';
import { pollUntil } from '../support/poll.ts';
import { requireService } from '../support/services.ts';

let ftp: FtpPlace;
const large = randomBytes(3_000_000);
/** Without anything that a command line of a client would read as its own. */
const login = { user: 'tester', password: 'easy-to-quote' };

beforeAll(async () => {
  ftp = await startFtp({ FTP_USER: login.user, FTP_PASSWORD: login.password });
  writeFileSync(join(ftp.work, 'large'), large);
});
afterAll(() => ftp.close());

const inHome = (name: string): string => join(ftp.home, name);
const inWork = (name: string): string => join(ftp.work, name);
const sameAs = (path: string, bytes: Buffer): boolean =>
  createHash('sha256')
    .update(readFileSync(path))
    .digest()
    .equals(createHash('sha256').update(bytes).digest());

function has(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** What it printed; throws when it ends with another code than 0. */
function run(command: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(command, args, {
    cwd: ftp.work,
    env: { PATH: process.env['PATH'], HOME: ftp.work, LC_ALL: 'C.UTF-8' },
  });
  let printed = '';
  child.stdout.on('data', (bytes: Buffer) => (printed += String(bytes)));
  child.stderr.on('data', (bytes: Buffer) => (printed += String(bytes)));
  child.stdin.end(input);
  const timer = setTimeout(() => child.kill('SIGKILL'), 50_000);
  return new Promise((resolve, reject) => {
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(printed);
      else reject(new Error(`${command} ended with ${code ?? signal}:\n${printed}`));
    });
  });
}

/** Names that clients stumble over, in two folders. */
function makeTree(path: string): void {
  mkdirSync(join(path, 'sub folder'), { recursive: true });
  for (const name of ['a.csv', 'b c.csv', 'Übung – 試験.txt', 'quo"te', 'sub folder/deep.csv'])
    writeFileSync(join(path, name), randomBytes(20_000));
  for (let number = 0; number < 20; number += 1)
    writeFileSync(join(path, `file-${number}.dat`), `number ${number}`);
}

function treeOf(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(path, name)).isFile())
    .map(
      (name) =>
        `${name} ${createHash('sha256')
          .update(readFileSync(join(path, name)))
          .digest('hex')}`,
    )
    .toSorted();
}

describe.runIf(requireService('tnftp', has('tnftp')))('the plain ftp client', () => {
  it('lists, brings, fetches, appends, renames, removes and sets times: the session of older clients', async () => {
    await run(
      'tnftp',
      ['-n', '-v', '-i', '127.0.0.1', String(ftp.port)],
      [
        `user ${login.user} ${login.password}`,
        'binary',
        'mkdir d',
        'cd d',
        'put large one',
        'append large one',
        'get one one.back',
        'rename one two',
        'modtime two',
        'ls',
        'dir -al',
        'passive off',
        'get two two.back',
        'passive on',
        'put large three.csv',
        'put large four.csv',
        'mget *.csv',
        'delete three.csv',
        'cd ..',
        'mkdir empty',
        'rmdir empty',
        'quit',
        '',
      ].join('\n'),
    );
    const twice = Buffer.concat([large, large]);
    expect(sameAs(inHome('d/two'), twice)).toBe(true);
    expect(sameAs(inWork('one.back'), twice)).toBe(true);
    expect(sameAs(inWork('two.back'), twice)).toBe(true);
    expect(sameAs(inWork('three.csv'), large) && sameAs(inWork('four.csv'), large)).toBe(true);
    expect(readdirSync(inHome('d')).toSorted()).toEqual(['four.csv', 'two']);
    expect(readdirSync(ftp.home)).not.toContain('empty');
  });
});

describe.runIf(requireService('lftp', has('lftp')))('lftp', () => {
  const commands = (lines: string[], settings: string[] = []): Promise<string> =>
    run('lftp', [
      '-c',
      [
        'set net:max-retries 2',
        'set net:timeout 15',
        'set ssl:verify-certificate no',
        'set cmd:fail-exit yes',
        ...settings,
        `open -u ${login.user},${login.password} ftp://127.0.0.1:${ftp.port}`,
        ...lines,
      ].join('\n'),
    ]);

  it.each([
    ['in clear', ['set ftp:ssl-allow no']],
    ['by TLS', ['set ftp:ssl-force yes', 'set ftp:ssl-protect-data yes']],
    ['actively', ['set ftp:ssl-allow no', 'set ftp:passive-mode no']],
  ])('mirrors both ways, four at once, %s', async (way, settings) => {
    const name = way.replaceAll(' ', '-');
    makeTree(inWork(`up-${name}`));
    await commands(
      [`mirror -R --parallel=4 up-${name} ${name}`, `mirror --parallel=4 ${name} down-${name}`],
      settings,
    );
    expect(treeOf(inHome(name))).toEqual(treeOf(inWork(`up-${name}`)));
    expect(treeOf(inWork(`down-${name}`))).toEqual(treeOf(inWork(`up-${name}`)));
  });

  it('goes on with a file that is half there, both ways', async () => {
    writeFileSync(inHome('half'), large.subarray(0, 1_000_000));
    chmodSync(inHome('half'), 0o666);
    writeFileSync(inWork('half.back'), large.subarray(0, 500_000));
    await commands(['put -c large -o half', 'get -c half -o half.back']);
    expect(sameAs(inHome('half'), large) && sameAs(inWork('half.back'), large)).toBe(true);
  });
});

/** Of uploads that are not whole yet. */
function bytesUnderWay(): number {
  const hidden = inHome('.daybook-uploads');
  if (!existsSync(hidden)) return 0;
  const files = readdirSync(hidden, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

describe.runIf(requireService('curl', has('curl')))('curl', () => {
  const curl = (...args: string[]): Promise<string> =>
    run('curl', ['-sS', '--max-time', '40', '-u', `${login.user}:${login.password}`, ...args]);

  it.each([
    ['in clear', (): string[] => [], (): string => `ftp://127.0.0.1:${ftp.port}`],
    ['by TLS', (): string[] => ['-k', '--ssl-reqd'], (): string => `ftp://127.0.0.1:${ftp.port}`],
    ['by implicit TLS', (): string[] => ['-k'], (): string => `ftps://127.0.0.1:${ftp.implicitTlsPort}`],
    ['actively', (): string[] => ['-P', '-'], (): string => `ftp://127.0.0.1:${ftp.port}`],
    [
      'actively by PORT',
      (): string[] => ['-P', '-', '--disable-eprt'],
      (): string => `ftp://127.0.0.1:${ftp.port}`,
    ],
    ['by PASV', (): string[] => ['--disable-epsv'], (): string => `ftp://127.0.0.1:${ftp.port}`],
  ])('brings and fetches %s', async (_way, options, base) => {
    await curl(...options(), '--ftp-create-dirs', '-T', 'large', `${base()}/new/folder/by-curl`);
    expect(sameAs(inHome('new/folder/by-curl'), large)).toBe(true);
    await curl(...options(), '-o', 'by-curl.back', `${base()}/new/folder/by-curl`);
    expect(sameAs(inWork('by-curl.back'), large)).toBe(true);
    expect(await curl(...options(), '-l', `${base()}/new/folder/`)).toBe('by-curl\n');
    rmSync(inHome('new/folder/by-curl'));
  });

  it('goes on with an upload that broke, and with a download', async () => {
    const base = `ftp://127.0.0.1:${ftp.port}`;
    // Killed in the middle: what came stays for this account.
    const slow = spawn(
      'curl',
      ['-sS', '--limit-rate', '2M', '-u', `${login.user}:${login.password}`, '-T', 'large', `${base}/broken`],
      {
        cwd: ftp.work,
      },
    );
    await pollUntil(bytesUnderWay, (bytes) => bytes > 0);
    slow.kill('SIGKILL');
    await new Promise((resolve) => slow.once('exit', resolve));
    expect(readdirSync(ftp.home)).not.toContain('broken');
    await curl('-C', '-', '-T', 'large', `${base}/broken`);
    expect(sameAs(inHome('broken'), large)).toBe(true);
    writeFileSync(inWork('broken.back'), large.subarray(0, 1_234_567));
    await curl('-C', '-', '-o', 'broken.back', `${base}/broken`);
    expect(sameAs(inWork('broken.back'), large)).toBe(true);
  });
});

describe.runIf(requireService('ncftp', has('ncftpput')))('ncftp', () => {
  it('brings a folder and fetches it', async () => {
    makeTree(inWork('tree'));
    const who = ['-u', login.user, '-p', login.password, '-P', String(ftp.port)];
    await run('ncftpput', [...who, '-R', '-m', '127.0.0.1', '/by-ncftp', 'tree']);
    expect(treeOf(inHome('by-ncftp/tree'))).toEqual(treeOf(inWork('tree')));
    mkdirSync(inWork('ncftp-back'));
    await run('ncftpget', [...who, '-R', '127.0.0.1', inWork('ncftp-back'), '/by-ncftp/tree']);
    expect(treeOf(inWork('ncftp-back/tree'))).toEqual(treeOf(inWork('tree')));
  });
});

describe.runIf(requireService('wget', has('wget')))('wget', () => {
  it('fetches a folder with all in it, and goes on with a file', async () => {
    makeTree(inHome('for-wget'));
    const who = [`--user=${login.user}`, `--password=${login.password}`, '-nv', '--tries=2', '--timeout=20'];
    await run('wget', [
      ...who,
      '-r',
      '-nH',
      '--cut-dirs=1',
      '-P',
      'wget',
      `ftp://127.0.0.1:${ftp.port}/for-wget/`,
    ]);
    expect(treeOf(inWork('wget'))).toEqual(treeOf(inHome('for-wget')));
    writeFileSync(inHome('wget-large'), large);
    writeFileSync(inWork('wget-large'), large.subarray(0, 700_000));
    await run('wget', [...who, '-c', `ftp://127.0.0.1:${ftp.port}/wget-large`]);
    expect(sameAs(inWork('wget-large'), large)).toBe(true);
  });
});

describe.runIf(requireService('python3', has('python3')))('ftplib of Python', () => {
  it.each(['FTP', 'FTP_TLS'])('%s lists, brings and fetches, names in UTF-8', async (kind) => {
    const script = `
import ftplib, io, sys
f = ftplib.${kind}(timeout=20)
f.connect('127.0.0.1', ${ftp.port}); f.login('${login.user}', '${login.password}')
${kind === 'FTP_TLS' ? 'f.prot_p()' : ''}
data = open('large', 'rb').read()
name = 'Übung ${kind}.bin'
f.storbinary('STOR ' + name, io.BytesIO(data))
got = io.BytesIO(); f.retrbinary('RETR ' + name, got.write); assert got.getvalue() == data
got = io.BytesIO(); f.retrbinary('RETR ' + name, got.write, rest=1000); assert got.getvalue() == data[1000:]
facts = dict(f.mlsd()); assert facts[name]['size'] == str(len(data)), facts
f.voidcmd('TYPE I'); assert name in f.nlst(); f.voidcmd('TYPE I'); assert f.size(name) == len(data)
lines = []; f.retrlines('LIST', lines.append); assert any(l.endswith(name) for l in lines)
f.rename(name, 'x'); f.delete('x'); print(f.quit())
`;
    expect(await run('python3', ['-c', script])).toContain('221');
  });
});
