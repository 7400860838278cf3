/**
 * A file of COUNT MB up and down over loopback, by curl, and a folder of 50 000 entries listed by curl, against vsftpd
 * (Debian's, anonymous, no TLS, no log of transfers). vsftpd sends by sendfile and stores without fsync; ours stores under
 * a hidden name, syncs and renames. CPU is that of the server with its children, for a gigabyte.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  alternate,
  atLeast,
  type Bench,
  type Figure,
  missing,
  say,
  type Side,
  type Wanted,
} from './harness.ts';
import { there } from '../test/support/there.ts';
import { type BenchServer, startServer } from './server.ts';

const entries = 50_000;
const user = 'bench';
const password = 'the FTP user of a bench';

export const ftpBench: Bench = {
  name: 'ftp',
  goals: 'FTP',
  summary: 'a file of COUNT MB by FTP, up and down, and 50 000 entries listed, against vsftpd',
  count: 1_000,
  usesDatabase: false,
  run: async ({ count: megabytes, rounds, database }) => {
    const folder = mkdtempSync(join(tmpdir(), 'daybook-bench-ftp-'));
    chmodSync(folder, 0o755);
    const port = await freePort();
    const ours = await startServer({
      database,
      env: { DAYBOOK_FTP_PORT: String(port), FTP_USER: user, FTP_PASSWORD: password },
    });
    const theirs = await startVsftpd(folder);
    try {
      const file = join(folder, 'file');
      writeRandom(file, megabytes);
      const places = [place(ours, port), ...(theirs ? [theirs] : [])];
      for (const { home } of places) {
        copyFileSync(file, join(home, 'file'));
        makeEntries(join(home, 'many'));
      }
      return await measure({ places, file, megabytes, rounds });
    } finally {
      theirs?.process.kill('SIGTERM');
      await ours.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface Place {
  name: 'Daybook' | 'vsftpd';
  process: ChildProcess;
  /** With user and password, and the folder that may be written. */
  url: string;
  home: string;
}

function place({ process, folder }: BenchServer, port: number): Place {
  const url = `ftp://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}`;
  return { name: 'Daybook', process, url, home: join(folder, 'homedir') };
}

async function measure({
  places,
  file,
  megabytes,
  rounds,
}: {
  places: readonly Place[];
  file: string;
  megabytes: number;
  rounds: number;
}): Promise<Figure[]> {
  const figures: Figure[] = [];
  const down = (url: string): string[] => ['-o', '/dev/null', `${url}/file`];
  const up = (url: string): string[] => ['-T', file, `${url}/up`];
  for (const [what, toArguments] of [
    ['down', down],
    ['up', up],
  ] as const) {
    const cpu = new Map<string, number[]>();
    const sides = sidesOf(places, async ({ process, url, name }) => {
      const before = cpuSeconds(process);
      const seconds = curl(toArguments(url));
      // A child counts once it is waited for.
      await delay(1_000);
      const used = (cpuSeconds(process) - before) / (megabytes / 1_000);
      cpu.set(name, [...(cpu.get(name) ?? []), used]);
      return megabytes / seconds;
    });
    const vsftpd = places.find(({ name }) => name === 'vsftpd');
    if (what === 'up' && vsftpd) sides[synced] = async () => syncedRate(vsftpd, { file, megabytes });
    const rates = await alternate(sides, { rounds, unit: 'MB/s' });
    for (const [name, values] of cpu)
      say(`  ${name} ${what}: ${values.map((value) => value.toFixed(2)).join(', ')} s of CPU a GB`);
    figures.push(figure(`${megabytes} MB by FTP, ${what}`, 'MB/s', rates, atLeast(0.7)));
    const { [synced]: theirs } = rates;
    if (theirs !== undefined) figures.push({ ...there(figures.at(-1)), peer: synced, theirs });
  }
  const listing = sidesOf(places, async ({ url }) => entries / curl(['-o', '/dev/null', `${url}/many/`]));
  figures.push(
    figure(
      `${entries} entries listed by FTP`,
      'entries/s',
      await alternate(listing, { rounds, unit: 'entries/s' }),
      // Each name costs a walk through /proc besides: Node has no fstatat.
      null,
    ),
  );
  return figures;
}

const synced = 'vsftpd, then fsync';

/** To where our 226 comes: the file is on the disk. */
function syncedRate({ url, home }: Place, { file, megabytes }: { file: string; megabytes: number }): number {
  const seconds = curl(['-T', file, `${url}/up`]);
  const startedAt = performance.now();
  const fd = openSync(join(home, 'up'), 'r+');
  fsyncSync(fd);
  closeSync(fd);
  return megabytes / (seconds + (performance.now() - startedAt) / 1_000);
}

function sidesOf(places: readonly Place[], run: (place: Place) => Promise<number>): Record<string, Side> {
  return Object.fromEntries(places.map((one) => [one.name, () => run(one)]));
}

function figure(what: string, unit: string, rates: Record<string, number>, wanted: Wanted | null): Figure {
  const { Daybook: ours = Number.NaN, vsftpd: theirs = null } = rates;
  return {
    goal: 'FTP',
    what,
    unit,
    ours,
    peer: theirs === null ? null : 'vsftpd',
    theirs,
    wanted: theirs === null ? null : wanted,
  };
}

/** @returns seconds of the transfer, as curl has it */
function curl(args: readonly string[]): number {
  return Number(
    execFileSync('curl', ['-sS', '--fail', '-w', '%{time_total}', ...args], { encoding: 'utf8' }),
  );
}

/** Of the process and of its children that have ended, in user and system mode. */
function cpuSeconds({ pid = 0 }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) / 100, 0);
}

function writeRandom(path: string, megabytes: number): void {
  const fd = openSync(path, 'w');
  for (let written = 0; written < megabytes; written += 1) writeSync(fd, randomBytes(1_000_000));
  closeSync(fd);
}

function makeEntries(folder: string): void {
  mkdirSync(folder);
  for (let number = 0; number < entries; number += 1) writeFileSync(join(folder, `file-${number}.dat`), '');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Anonymous, so that no user database is needed. Null where it cannot run. */
async function startVsftpd(folder: string): Promise<Place | null> {
  const binary = '/usr/sbin/vsftpd';
  const isThere = process.getuid?.() === 0 && spawnable(binary);
  if (!isThere) {
    missing('vsftpd', 'apt-get install -y --no-install-recommends vsftpd (and run as root)');
    return null;
  }
  const root = join(folder, 'vsftpd');
  const home = join(root, 'up');
  mkdirSync(home, { recursive: true });
  chmodSync(home, 0o777);
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  const port = await freePort();
  const config = join(folder, 'vsftpd.conf');
  const yes = [
    'listen',
    'anonymous_enable',
    'no_anon_password',
    'write_enable',
    'anon_upload_enable',
    'anon_other_write_enable',
    'anon_mkdir_write_enable',
  ];
  const no = ['background', 'local_enable', 'seccomp_sandbox', 'xferlog_enable'];
  writeFileSync(
    config,
    [
      ...yes.map((name) => `${name}=YES`),
      ...no.map((name) => `${name}=NO`),
      'listen_address=127.0.0.1',
      `listen_port=${port}`,
      `anon_root=${root}`,
      `secure_chroot_dir=${empty}`,
      '',
    ].join('\n'),
  );
  const child = spawn(binary, [config], { stdio: 'inherit' });
  await untilOpen(port);
  return { name: 'vsftpd', process: child, url: `ftp://127.0.0.1:${port}/up`, home };
}

function spawnable(path: string): boolean {
  try {
    return readFileSync(path).length > 0;
  } catch {
    return false;
  }
}

async function untilOpen(port: number): Promise<void> {
  for (let tries = 0; tries < 50; tries += 1) {
    const socket = connect({ port, host: '127.0.0.1' });
    const isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isOpen) return;
    await delay(100);
  }
  throw new Error('vsftpd does not answer');
}
