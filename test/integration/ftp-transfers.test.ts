/** Files by FTP: whole or not at all, gone on with where they broke, beside what else is asked meanwhile. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { FtpClient } from '../support/ftp/client.ts';
import { pollUntil } from '../support/poll.ts';
import { ftpPassword, ftpUser, startFtp, type FtpPlace } from '../support/ftp/server.ts';

let ftp: FtpPlace;
let client: FtpClient;
const inHome = (name: string): string => join(ftp.home, name);
const signIn = (): Promise<FtpClient> => FtpClient.signIn(ftp.port, ftpUser, ftpPassword);

beforeAll(async () => {
  ftp = await startFtp();
});
afterAll(() => ftp.close());
beforeEach(async () => {
  client = await signIn();
  return () => client.destroy();
});

/** A file that everybody may change: the test runs as somebody else than the programs. */
function put(name: string, content: string | Buffer): void {
  writeFileSync(inHome(name), content);
  chmodSync(inHome(name), 0o666);
}

/** What programs see. */
const visible = (): string[] => readdirSync(ftp.home).filter((name) => !name.startsWith('.daybook'));

/** A client that is killed once `bytes` of its upload are there; `order` is the one in which its kernel closes. */
async function killDuringUpload(
  command: string,
  { order, rest }: { order: 'data first' | 'control first'; rest?: number },
): Promise<void> {
  const killed = await signIn();
  const data = await killed.passive();
  if (rest !== undefined) await killed.send(`REST ${rest}`);
  expect((await killed.send(command)).code).toBe(150);
  await new Promise((resolve) => data.write(Buffer.alloc(50_000, 'n'), resolve));
  if (order === 'data first') {
    data.end();
    killed.end();
  } else {
    killed.end();
    data.end();
  }
  await killed.untilClosed();
  data.destroy();
}

describe('a client that is killed', () => {
  it.each([
    ['STOR', 'data first', undefined],
    ['STOR', 'control first', undefined],
    ['STOR', 'data first', 3],
    ['APPE', 'data first', undefined],
    ['APPE', 'control first', undefined],
  ] as const)('during %s, %s, from %s on, leaves the file as it was', async (verb, order, rest) => {
    put('killed', 'the old one');
    const before = visible();
    await killDuringUpload(`${verb} killed`, { order, ...(rest && { rest }) });
    expect(readFileSync(inHome('killed'), 'utf8')).toBe('the old one');
    expect(visible()).toEqual(before);
  });

  it('leaves what came for its account alone, who goes on with it; others and programs see nothing', async () => {
    await killDuringUpload('STOR broken', { order: 'data first' });
    expect(existsSync(inHome('broken'))).toBe(false);
    const other = await FtpClient.signIn(ftp.port, 'admin', adminPassword);
    expect((await other.send('SIZE broken')).code).toBe(550);
    expect(await other.lines('NLST')).not.toContain('broken');
    other.destroy();
    expect(await client.send('SIZE broken')).toEqual({ code: 213, text: '213 50000' });
    expect(
      (await client.lines('MLSD')).some((line) => /type=file;perm=adw;size=50000;.* broken$/.test(line)),
    ).toBe(true);
    for (const command of ['RETR broken', 'RNFR broken'])
      await client.passive().then(() => client.send(command));
    expect((await client.fetch('RETR broken')).reply.code).toBe(550);
    await client.send('REST 50000');
    expect((await client.store('STOR broken', 'end')).code).toBe(226);
    expect(readFileSync(inHome('broken'))).toHaveLength(50_003);
  });

  it('is not one that says how long the file is, or QUIT', async () => {
    await client.send('ALLO 5');
    expect((await client.store('STOR announced', 'whole')).code).toBe(226);
    const { data } = await client.open('STOR quit');
    data.write('who');
    expect((await client.send('QUIT')).code).toBe(221);
    data.end('le');
    expect((await client.reply()).code).toBe(226);
    await client.untilClosed();
    expect(readFileSync(inHome('quit'), 'utf8')).toBe('whole');
  });
});

describe('while a transfer runs', () => {
  it('STAT and NOOP are answered, others wait for its end', async () => {
    const { data } = await client.open('STOR slow');
    data.write('abc');
    expect((await client.send('NOOP')).code).toBe(200);
    await pollUntil(
      async () => (await client.send('STAT')).text,
      (text) => text.includes('Upload: 3 bytes'),
    );
    client.write('PWD\r\n');
    data.end();
    expect((await client.reply()).code).toBe(226);
    expect((await client.reply()).code).toBe(257);
  });

  it('ABOR ends it and the session goes on', async () => {
    put('large', Buffer.alloc(20_000_000));
    const { data } = await client.open('RETR large');
    client.write(Buffer.from([255, 244, 255, 242]));
    client.write('ABOR\r\n');
    expect((await client.reply()).code).toBe(426);
    expect((await client.reply()).code).toBe(226);
    data.destroy();
    expect((await client.send('ABOR')).text).toBe('225 No transfer to abort.');
    expect((await client.fetch('RETR large')).bytes).toHaveLength(20_000_000);
  });

  it('a client that goes away ends it', async () => {
    const { data } = await client.open('RETR large');
    data.destroy();
    expect((await client.reply()).code).toBe(426);
    expect((await client.send('NOOP')).code).toBe(200);
  });
});

describe('where a transfer begins', () => {
  it('REST says for the very next one; what only prepares it comes between', async () => {
    put('ten', '0123456789');
    await client.send('REST 4');
    expect((await client.fetch('RETR ten')).bytes.toString()).toBe('456789');
    expect((await client.fetch('RETR ten')).bytes.toString()).toBe('0123456789');
    await client.send('REST 4');
    await client.send('PWD');
    expect((await client.fetch('RETR ten')).bytes.toString()).toBe('0123456789');
    await client.send('REST 11');
    expect((await client.fetch('RETR ten')).reply.code).toBe(554);
    await client.send('REST 11');
    expect((await client.store('STOR ten', 'x')).code).toBe(554);
    await client.send('REST 4');
    expect((await client.store('APPE ten', 'x')).code).toBe(450);
    expect(readFileSync(inHome('ten'), 'utf8')).toBe('0123456789');
    await client.send('REST 8');
    expect((await client.store('STOR ten', 'end')).code).toBe(226);
    expect(readFileSync(inHome('ten'), 'utf8')).toBe('01234567end');
  });

  it('TYPE A changes line ends, knows no size and no REST', async () => {
    await client.send('TYPE A');
    expect((await client.store('STOR text', 'a\r\nb\r\n')).code).toBe(226);
    expect(readFileSync(inHome('text'), 'utf8')).toBe('a\nb\n');
    expect((await client.fetch('RETR text')).bytes.toString()).toBe('a\r\nb\r\n');
    expect((await client.send('SIZE text')).code).toBe(550);
    expect((await client.send('REST 1')).code).toBe(501);
  });

  it('STOU makes a name of its own, also before its data connection is there', async () => {
    const { text } = await client.send('STOU');
    const [, name = ''] = /^150 FILE: (.+)$/.exec(text) ?? [];
    const data = await client.passive();
    data.end('unique');
    expect((await client.reply()).code).toBe(226);
    expect(readFileSync(inHome(name), 'utf8')).toBe('unique');
  });
});

describe('data connections', () => {
  it('go to nobody but the client, and to no port of the system', async () => {
    for (const command of [
      'PORT 127,0,0,2,200,10',
      'PORT 127,0,0,1,0,22',
      'EPRT |1|127.0.0.2|50000|',
      'EPRT |2|::1|50000|',
      'PORT 1,2,3',
    ])
      expect((await client.send(command)).code).toBeGreaterThanOrEqual(500);
    expect((await client.send('RETR ten')).code).toBe(425);
    const { port, connection, close } = await client.listen();
    expect((await client.send(`EPRT |1|127.0.0.1|${port}|`)).code).toBe(200);
    expect((await client.send('RETR ten')).code).toBe(150);
    let got = '';
    for await (const chunk of await connection) got += String(chunk);
    expect(got).toBe('01234567end');
    expect((await client.reply()).code).toBe(226);
    close();
  });

  it('come from nobody but the client: a stranger is told apart, and both addresses are named', async () => {
    const stranger = await client.passive('127.0.0.2');
    const { code, text } = await client.send('NLST');
    expect(code).toBe(425);
    expect(text).toContain('127.0.0.2');
    expect(text).toContain('127.0.0.1');
    stranger.destroy();
    expect(await client.lines('NLST')).toContain('ten');
  });

  it('after EPSV ALL come by EPSV only', async () => {
    await client.send('EPSV ALL');
    for (const command of ['PASV', 'PORT 127,0,0,1,200,10', 'EPRT |1|127.0.0.1|50000|'])
      expect((await client.send(command)).code).toBe(501);
    expect(await client.lines('NLST')).toContain('ten');
  });
});

describe('what is no file', () => {
  it('is refused at once, however often: pipes, links that lead out, and names that no line can hold', async () => {
    execFileSync('mkfifo', [inHome('pipe')]);
    writeFileSync(join(ftp.work, 'secret'), 'secret');
    symlinkSync(join(ftp.work, 'secret'), inHome('out'));
    symlinkSync(ftp.work, inHome('out-folder'));
    mkdirSync(inHome('folder'));
    const commands = [
      'RETR pipe',
      'HASH pipe',
      'RETR out',
      'RETR out-folder/secret',
      'RETR folder',
      'HASH out',
      'SIZE pipe',
    ];
    for (const command of [...commands, ...commands]) {
      const { reply } = await client.fetch(command);
      expect([550, 553]).toContain(reply.code);
    }
    for (const command of [
      'STOR pipe',
      'APPE out',
      'STOR out-folder/new',
      'STOR folder',
      'STOR a\0b',
      'STOR a\rb',
    ])
      expect((await client.store(command, 'x')).code).toBeGreaterThanOrEqual(550);
    expect(readdirSync(ftp.work).includes('new')).toBe(false);
    expect(readFileSync(join(ftp.work, 'secret'), 'utf8')).toBe('secret');
    expect((await client.fetch('RETR ten')).reply.code).toBe(226);
  });
});
