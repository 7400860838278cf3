/**
 * What takes too long for every change, by FTP. Nothing may be lost, half, escape from home or pile up.
 *
 *     npm run test:long -- ftp [--only large,many,sessions,fuzz,kills,links] [--lines 100000] [--kills 20] [--seed 1]
 *
 * Exit code 1: the first thing that was not so, in words.
 */
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash, randomBytes, type Hash } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FtpClient } from '../support/ftp/client.ts';
import { ftpPassword, ftpUser, startFtp, type FtpPlace } from '../support/ftp/server.ts';
import { residentMib } from '../support/long/memory-figures.ts';
import { pollUntil } from '../support/poll.ts';
import { there } from '../support/there.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'large,many,sessions,fuzz,kills,links' },
    lines: { type: 'string', default: '100000' },
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
  },
});

const rules: Record<string, (ftp: FtpPlace) => Promise<string>> = {
  large: largeFile,
  many: manyFiles,
  sessions: manySessions,
  fuzz: fuzzedLines,
  links: flippedLink,
  kills: killedServers,
};

function demand(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what);
}

function signIn(port: number): Promise<FtpClient> {
  return FtpClient.signIn(port, ftpUser, ftpPassword);
}

async function largeFile({ home, port }: FtpPlace): Promise<string> {
  const piece = randomBytes(1_048_576);
  const pieces = 2_048;
  const client = await signIn(port);
  const startedAt = performance.now();
  const { data } = await client.open('STOR large');
  const sent = createHash('sha256');
  for (let number = 0; number < pieces; number += 1) {
    piece.writeUInt32LE(number);
    sent.update(piece);
    if (!data.write(Buffer.from(piece))) await once(data, 'drain');
  }
  data.end();
  demand((await client.reply()).code === 226, 'the file of 2 GB was not taken');
  demand(statSync(join(home, 'large')).size === pieces * piece.length, 'the file of 2 GB has another size');
  const seconds = (performance.now() - startedAt) / 1_000;
  const expected = sent.digest('hex');
  demand((await hashOf(client, 'RETR large')).digest('hex') === expected, 'it came back as something else');
  client.destroy();
  rmSync(join(home, 'large'));
  return `2 GB up in ${seconds.toFixed(0)} s, and back as they were`;
}

async function hashOf(client: FtpClient, command: string): Promise<Hash> {
  const hash = createHash('sha256');
  const { data } = await client.open(command);
  for await (const chunk of data) hash.update(chunk as Buffer);
  data.end();
  demand((await client.reply()).code === 226, `${command} did not end well`);
  return hash;
}

async function manyFiles({ home, port }: FtpPlace): Promise<string> {
  const count = 50_000;
  const folder = join(home, 'many');
  mkdirSync(folder);
  for (let number = 0; number < count; number += 1) writeFileSync(join(folder, `file ${number}`), '');
  const client = await signIn(port);
  const told: string[] = [];
  for (const command of ['NLST many', 'LIST many', 'MLSD many']) {
    const startedAt = performance.now();
    demand((await client.lines(command)).length === count, `${command} left something out`);
    told.push(`${command} ${(performance.now() - startedAt).toFixed(0)} ms`);
  }
  client.destroy();
  rmSync(folder, { recursive: true });
  return told.join(', ');
}

async function manySessions({ server, home, port }: FtpPlace): Promise<string> {
  writeFileSync(join(home, 'one'), 'one');
  const clients = await Promise.all(Array.from({ length: 200 }, () => signIn(port)));
  const stored = await Promise.all(
    clients.map((client, number) => client.store(`STOR of-${number}`, `number ${number}`)),
  );
  demand(
    stored.every(({ code }) => code === 226),
    'an upload of 200 at once failed',
  );
  const fetched = await Promise.all(clients.map((client) => client.fetch('RETR one')));
  demand(
    fetched.every(({ bytes }) => bytes.toString() === 'one'),
    'a download of 200 at once failed',
  );
  const memory = residentMib(server.process.pid ?? 0);
  for (const [number, client] of clients.entries()) {
    demand(
      readFileSync(join(home, `of-${number}`), 'utf8') === `number ${number}`,
      'a file has the bytes of another',
    );
    rmSync(join(home, `of-${number}`));
    client.destroy();
  }
  return `200 at once stored and fetched, the server at ${memory?.toFixed(0)} MiB`;
}

const verbs = [
  'USER',
  'PASS',
  'ACCT',
  'CWD',
  'CDUP',
  'REIN',
  'PORT',
  'PASV',
  'TYPE',
  'STRU',
  'MODE',
  'RETR',
  'STOR',
  'STOU',
  'APPE',
  'ALLO',
  'REST',
  'RNFR',
  'RNTO',
  'ABOR',
  'DELE',
  'RMD',
  'MKD',
  'PWD',
  'LIST',
  'NLST',
  'SITE',
  'SYST',
  'STAT',
  'HELP',
  'NOOP',
  'FEAT',
  'OPTS',
  'EPRT',
  'EPSV',
  'MLST',
  'MLSD',
  'MDTM',
  'MFMT',
  'SIZE',
  'HASH',
  'AUTH',
  'PBSZ',
  'PROT',
  'CCC',
  'XPWD',
  'CLNT',
];
const pieces = [
  '..',
  '/',
  '../../../etc/passwd',
  '*',
  '[',
  '%2e%2e',
  'a',
  '\0',
  '\xff',
  '\xff\xf4',
  'é',
  '{}',
  '-la',
  '20180102030405',
  '127,0,0,1,4,1',
  '|1|127.0.0.1|9|',
  '777',
  'x'.repeat(300),
  ' ',
  '"',
  '~',
  '\r',
];

async function fuzzedLines({ work, home, server, port }: FtpPlace): Promise<string> {
  const random = createRandom(Number(values.seed));
  const wanted = Number(values.lines);
  writeFileSync(join(work, 'outside'), 'untouched');
  const outsideBefore = readdirSync(work).toSorted().join();
  const before = residentMib(server.process.pid ?? 0) ?? 0;
  let sessions = 0;
  for (let sent = 0; sent < wanted;) {
    const client = await signIn(port).catch(() => FtpClient.connect(port));
    sessions += 1;
    for (let step = 0; step < 500 && !client.isClosed; step += 1, sent += 1) {
      const argument = Array.from({ length: Math.floor(random() * 4) }, () => pick(pieces, random)).join(
        random() < 0.5 ? '/' : '',
      );
      const noise = random() < 0.05 ? randomBytes(20).toString('latin1') : '';
      client.write(
        Buffer.from(`${pick(verbs, random)} ${argument}${noise}${random() < 0.1 ? '\n' : '\r\n'}`, 'latin1'),
      );
      if (step % 50 === 49) await client.reply().catch(() => null);
    }
    client.destroy();
  }
  const after = await pollUntil(
    async () => {
      const client = await signIn(port);
      demand((await client.send('NOOP')).code === 200, 'the server answers no more');
      client.destroy();
      return residentMib(server.process.pid ?? 0) ?? 0;
    },
    (mib) => mib < before + 250,
  );
  demand(readdirSync(work).toSorted().join() === outsideBefore, 'something was made outside of home');
  demand(readFileSync(join(work, 'outside'), 'utf8') === 'untouched', 'a file outside of home was changed');
  for (const name of readdirSync(home))
    if (!name.startsWith('.daybook')) rmSync(join(home, name), { recursive: true, force: true });
  return `${wanted} lines in ${sessions} sessions, from ${before.toFixed(0)} to ${after.toFixed(0)} MiB`;
}

/** A folder becomes a link that leads out, and a folder again, while every verb goes through it. */
async function flippedLink({ work, home, port }: FtpPlace): Promise<string> {
  const outside = join(work, 'outside-folder');
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'secret');
  mkdirSync(join(home, 'real'), { mode: 0o777 });
  symlinkSync(outside, join(home, 'link'));
  let flips = 0;
  const over = new AbortController();
  const flipping = (async (): Promise<void> => {
    while (!over.signal.aborted) {
      renameSync(join(home, 'real'), join(home, 'flip'));
      renameSync(join(home, 'link'), join(home, 'real'));
      renameSync(join(home, 'flip'), join(home, 'link'));
      flips += 1;
      await new Promise(setImmediate);
    }
  })();
  const client = await signIn(port);
  const commands = [
    'MKD real/new',
    'DELE real/secret',
    'SITE CHMOD 600 real/secret',
    'MFMT 20200101000000 real/secret',
    'RMD real/new',
    'SIZE real/secret',
    'MLST real/secret',
    'HASH real/secret',
    'CWD real',
  ];
  let tries = 0;
  for (let round = 0; round < 300; round += 1) {
    for (const command of commands) {
      const { code, text } = await client.send(command);
      demand(
        !/2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b/.test(text),
        'a hash from outside was told',
      );
      if (command === 'CWD real' && code === 250) await client.send('CWD /');
      tries += 1;
    }
    demand(
      !(await client.fetch('RETR real/secret')).bytes.includes('secret'),
      'a file from outside was sent',
    );
    demand(!(await client.fetch('NLST real')).bytes.includes('secret'), 'names from outside were told');
    await client.store('STOR real/brought', 'brought');
    await client.store('APPE real/secret', 'brought');
  }
  over.abort();
  await flipping;
  client.destroy();
  demand(
    readdirSync(outside).join() === 'secret',
    `something was made outside of home: ${readdirSync(outside).join()}`,
  );
  demand(readFileSync(join(outside, 'secret'), 'utf8') === 'secret', 'a file outside of home was changed');
  for (const name of ['real', 'link']) rmSync(join(home, name), { recursive: true, force: true });
  return `${tries} tries during ${flips} flips`;
}

async function killedServers(place: FtpPlace): Promise<string> {
  const rounds = Number(values.kills);
  const old = 'the old one';
  let { server } = place;
  let resumed = 0;
  for (let round = 0; round < rounds; round += 1) {
    writeFileSync(join(place.home, 'kept'), old, { mode: 0o666 });
    const client = await signIn(there(server.ftp.port));
    const { data } = await client.open(round % 2 === 0 ? 'STOR kept' : 'STOR fresh');
    data.on('error', () => {});
    data.write(randomBytes(500_000));
    await pollUntil(
      async () => (await client.send('STAT')).text,
      (text) => /Upload: [1-9]/.test(text),
    );
    server.process.kill('SIGKILL');
    await once(server.process, 'exit');
    client.destroy();
    demand(
      readFileSync(join(place.home, 'kept'), 'utf8') === old,
      'half a file took the place of a whole one',
    );
    demand(!existsSync(join(place.home, 'fresh')), 'half a file stands under its name');
    server = await server.startAgain({ DAYBOOK_FTP_PORT: '0', FTP_USER: ftpUser, FTP_PASSWORD: ftpPassword });
    const again = await signIn(there(server.ftp.port));
    const { code, text } = await again.send('SIZE fresh');
    if (round % 2 === 1) {
      demand(code === 213, `what came is gone: ${text}`);
      demand((await again.store('APPE fresh', 'end')).code === 226, 'it cannot be gone on with');
      demand(
        readFileSync(join(place.home, 'fresh')).length === Number(text.slice(4)) + 3,
        'it has another length',
      );
      rmSync(join(place.home, 'fresh'));
      resumed += 1;
    }
    again.destroy();
  }
  return `${rounds} servers killed, ${resumed} uploads gone on with`;
}

function pick<T>(from: readonly T[], random: () => number): T {
  return there(from[Math.floor(random() * from.length)]);
}

/** mulberry32: the same lines for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const ftp = await startFtp();
try {
  for (const [name, run] of Object.entries(rules)) {
    if (!values.only.split(',').includes(name)) continue;
    process.stdout.write(`${name}: ${await run(ftp)}\n`);
  }
} finally {
  await ftp.close();
}
