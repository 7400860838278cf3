/** FTP with its limits drawn tight, a folder for each account, TLS required, and the stop of the server. */
import { chmodSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { FtpClient } from '../support/ftp/client.ts';
import { ftpPassword, ftpUser, startFtp, type FtpPlace } from '../support/ftp/server.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer } from '../support/server.ts';

describe('a server with tight limits', () => {
  let ftp: FtpPlace;
  beforeAll(async () => {
    ftp = await startFtp({
      DAYBOOK_FTP_SESSIONS_PER_ADDRESS: '6',
      DAYBOOK_FTP_IDLE_SECONDS: '1.5',
      DAYBOOK_FTP_STALL_SECONDS: '1.5',
      DAYBOOK_FTP_LOGIN_SECONDS: '1.5',
      DAYBOOK_FTP_PASSIVE_PORTS: '47310-47311',
      DAYBOOK_FTP_RATE: '400KiB',
      DAYBOOK_FTP_ANONYMOUS: '1',
      DAYBOOK_HOME_PER_USER: '1',
    });
  });
  afterAll(() => ftp.close());
  const signIn = (): Promise<FtpClient> => FtpClient.signIn(ftp.port, ftpUser, ftpPassword);

  it('ends a session that asks nothing, and one where nobody signs in', async () => {
    const [silent, unknown] = await Promise.all([signIn(), FtpClient.connect(ftp.port)]);
    expect((await silent.reply()).code).toBe(421);
    expect((await unknown.reply()).code).toBe(421);
  });

  it('ends no session while a slow transfer runs; one that stalls ends alone', async () => {
    const client = await signIn();
    const { data } = await client.open('STOR slow');
    // Slower than an idle session may be, faster than a transfer that stalls.
    for (let step = 0; step < 8; step += 1) {
      data.write('x');
      await delay(400);
    }
    data.end();
    expect((await client.reply()).code).toBe(226);
    expect(readFileSync(join(ftp.home, 'slow'), 'utf8')).toBe('xxxxxxxx');
    const stalled = await client.open('STOR stalled');
    stalled.data.write('x');
    expect((await client.reply()).code).toBe(426);
    expect((await client.send('NOOP')).code).toBe(200);
    expect(existsSync(join(ftp.home, 'stalled'))).toBe(false);
    client.destroy();
  });

  it('holds transfers to their rate', async () => {
    const client = await signIn();
    const startedAt = performance.now();
    expect((await client.store('STOR paced', Buffer.alloc(800 * 1024))).code).toBe(226);
    expect(performance.now() - startedAt).toBeGreaterThan(1_500);
    client.destroy();
  });

  it('takes so many sessions of an address and no more, and no passive port outside of its range', async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, () => FtpClient.connect(ftp.port)));
    const tooMany = await FtpClient.connect(ftp.port).catch((error: unknown) => String(error));
    if (typeof tooMany !== 'string') await tooMany.untilClosed();
    for (const client of clients) client.destroy();
    const all = await pollUntil(
      () => Promise.all([signIn(), signIn(), signIn()]).catch(() => null),
      (sessions) => sessions !== null,
    );
    const replies = await Promise.all((all ?? []).map((client) => client.send('EPSV')));
    expect(replies.map(({ code }) => code).toSorted((a, b) => a - b)).toEqual([229, 229, 425]);
    expect(replies.map(({ text }) => /\|\|\|(\d+)\|/.exec(text)?.[1] ?? '').toSorted()).toEqual([
      '',
      '47310',
      '47311',
    ]);
    for (const client of all ?? []) client.destroy();
  });

  it('lets anybody look and fetch where that is allowed, and nothing else', async () => {
    writeFileSync(join(ftp.home, 'open'), 'for all');
    const client = await pollUntil(
      () => FtpClient.signIn(ftp.port, 'anonymous', '').catch(() => null),
      (session) => session !== null,
    );
    expect((await client?.fetch('RETR open'))?.bytes.toString()).toBe('for all');
    for (const command of ['DELE open', 'MKD d', 'STOU', 'SITE CHMOD 777 open'])
      expect((await client?.send(command))?.code).toBe(550);
    client?.destroy();
  });

  it('shows each account its own folder, where its programs start', async () => {
    const client = await FtpClient.signIn(ftp.port, 'admin', adminPassword);
    expect(await client.lines('NLST')).toEqual([]);
    expect((await client.store('STOR mine', 'mine')).code).toBe(226);
    expect((await client.send('CWD /../../open')).code).toBe(550);
    client.destroy();
    expect(readFileSync(join(ftp.home, 'admin/mine'), 'utf8')).toBe('mine');
    const submitted = await ftp.server.call('POST', '/api/v1/jobs', {
      kind: 'script',
      input: { script: 'touch.sh', arguments: [['', 'by-program']] },
    });
    expect(submitted.status).toBe(201);
    await pollUntil(
      () => readdirSync(join(ftp.home, 'admin')),
      (names) => names.includes('by-program'),
    );
  });
});

describe('names and listings', () => {
  let ftp: FtpPlace;
  let client: FtpClient;
  beforeAll(async () => {
    ftp = await startFtp({ DAYBOOK_FTP_TLS_REQUIRED: '1' });
    client = await FtpClient.connect(ftp.port);
  });
  afterAll(() => ftp.close());

  it('no password and no data goes in clear where TLS is required', async () => {
    expect((await client.send(`USER ${ftpUser}`)).code).toBe(530);
    await client.secure();
    await client.send(`USER ${ftpUser}`);
    expect((await client.send(`PASS ${ftpPassword}`)).code).toBe(230);
    expect((await client.send('PROT C')).code).toBe(534);
  });

  it('names are bytes: those that are no UTF-8 are listed, fetched, renamed and deleted as they are', async () => {
    const name = Buffer.from('lat\xe9n.txt', 'latin1');
    const path = Buffer.concat([Buffer.from(`${ftp.home}/`), name]);
    writeFileSync(path, 'latin');
    const names = (await client.fetch('NLST')).bytes;
    expect(names.includes(name)).toBe(true);
    expect((await client.fetch(Buffer.concat([Buffer.from('RETR '), name]))).bytes.toString()).toBe('latin');
    expect((await client.send(Buffer.concat([Buffer.from('RNFR '), name]))).code).toBe(350);
    expect((await client.send('RNTO Übung.txt')).code).toBe(250);
    expect(readdirSync(ftp.home)).toContain('Übung.txt');
    expect((await client.send('DELE Übung.txt')).code).toBe(250);
  });

  it('a name with a line break forges no line: it is left out, and counted', async () => {
    for (const forged of ['two\r\n226 forged.txt', 'f\r\n-rw-r--r--    1 0 0 5 Jan  1  2026 forged.csv'])
      writeFileSync(join(ftp.home, forged), 'x');
    writeFileSync(join(ftp.home, 'plain'), 'x');
    for (const command of ['NLST', 'LIST', 'MLSD']) {
      const { bytes, reply } = await client.fetch(command);
      expect(bytes.toString()).not.toContain('forged');
      expect(bytes.toString()).toContain('plain');
      expect(reply.text).toContain('2 names not shown');
    }
    const status = await client.send('STAT /');
    expect(status.text).not.toContain('forged');
  });

  it('NLST and LIST take patterns where no entry has that name; no other command does', async () => {
    for (const name of ['a.csv', 'b.csv', '[x]', '-rf']) writeFileSync(join(ftp.home, name), name);
    await client.send('MKD [2026] run');
    await client.send('MKD d');
    writeFileSync(join(ftp.home, 'd/c.csv'), 'c');
    expect(await client.lines('NLST *.csv')).toEqual(expect.arrayContaining(['a.csv', 'b.csv']));
    expect(await client.lines('NLST d/*.csv')).toEqual(['d/c.csv']);
    expect(await client.lines('NLST d')).toEqual(['d/c.csv']);
    expect(await client.lines('NLST [x]')).toEqual(['[x]']);
    expect(await client.lines('NLST *.none')).toEqual([]);
    expect(await client.lines('MLSD [2026] run')).toEqual([]);
    expect((await client.fetch('NLST none')).reply.code).toBe(550);
    for (const command of ['RETR *.csv', 'SIZE *.csv', 'DELE *.csv', 'CWD *', 'MLST *.csv'])
      expect((await client.fetch(command)).reply.code).toBe(550);
    expect((await client.fetch('MLSD *.csv')).reply.code).toBeGreaterThanOrEqual(500);
    expect(await client.lines('LIST -rf')).toEqual([expect.stringMatching(/^-.* -rf$/)]);
    const all = await client.lines('LIST');
    for (const command of ['LIST -al', 'LIST -a /', 'LIST ', 'LIST -l -a'])
      expect(await client.lines(command)).toEqual(all);
    expect(await client.lines('NLST -1 d')).toEqual(['d/c.csv']);
  });

  it('old and dull commands are answered as they are meant', async () => {
    const codes = {
      XPWD: 257,
      'XMKD old': 257,
      'XCWD old': 250,
      XCUP: 250,
      'XRMD old': 250,
      'OPTS UTF8 ON': 200,
      'CLNT x': 200,
      'ALLO 5': 202,
      'MODE S': 200,
      'STRU F': 200,
      SYST: 215,
      'SITE HELP': 214,
      ACCT: 202,
      SMNT: 502,
      NONSENSE: 500,
      'STRU R': 504,
      'MODE B': 504,
      'TYPE L 8': 200,
      'TYPE E': 504,
      REST: 501,
      'REST -1': 501,
      'RNTO x': 503,
    };
    for (const [command, code] of Object.entries(codes))
      expect([command, (await client.send(command)).code]).toEqual([command, code]);
    await client.send('MKD  x ');
    expect(readdirSync(ftp.home)).toContain(' x ');
    chmodSync(join(ftp.home, 'plain'), 0o666);
    const own = await client.store('STOR own', 'x');
    expect(own.code).toBe(226);
    expect((await client.send('MDTM 20180102030405 own')).code).toBe(213);
    expect((await client.send('MDTM own')).text).toBe('213 20180102030405');
    expect((await client.send('MFMT 20190102030405 own')).code).toBe(213);
    expect((await client.send('SITE CHMOD 640 own')).code).toBe(200);
    expect((await client.send('MLST own')).text).toMatch(/modify=20190102030405;unix.mode=0640; \/own/);
    expect((await client.send('HASH own')).text).toBe(
      '213 SHA-256 0-0 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 own',
    );
    client.write('NOOP\n');
    expect((await client.reply()).code).toBe(200);
  });

  it('a line that is too long is refused, and the session goes on', async () => {
    expect((await client.send(`MKD ${'x'.repeat(20_000)}`)).code).toBe(500);
    expect((await client.send(`MKD ${'x'.repeat(300)}`)).code).toBe(553);
    expect((await client.send('NOOP')).code).toBe(200);
  });

  it('at the stop an upload is abandoned so that the next life of the server goes on with it', async () => {
    const { data } = await client.open('STOR across');
    data.write(Buffer.alloc(200_000, 'a'));
    await pollUntil(
      async () => (await client.send('STAT')).text,
      (text) => text.includes('Upload: 200000 bytes'),
    );
    ftp.server.process.kill('SIGTERM');
    expect((await client.reply()).code).toBe(426);
    expect((await client.reply()).code).toBe(421);
    await once(ftp.server.process, 'exit');
    expect(existsSync(join(ftp.home, 'across'))).toBe(false);
    const next = await ftp.server.startAgain({
      DAYBOOK_FTP_PORT: '0',
      FTP_USER: ftpUser,
      FTP_PASSWORD: ftpPassword,
    });
    const again = await FtpClient.signIn(next.ftp.port ?? 0, ftpUser, ftpPassword);
    expect((await again.send('SIZE across')).text).toBe('213 200000');
    expect((await again.store('APPE across', 'end')).code).toBe(226);
    expect(readFileSync(join(ftp.home, 'across'))).toHaveLength(200_003);
    again.destroy();
  });
});

describe('a port that is taken', () => {
  it('stops the start when somebody chose it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(startServer({ DAYBOOK_FTP_PORT: String(port) })).rejects.toThrow(
      `FTP cannot listen on port ${port} of 127.0.0.1`,
    );
    other.close();
  });

  it('only leaves FTP off when it is the default one', async () => {
    const other = createServer().listen(2121, '127.0.0.1');
    // Where somebody else has it, that does as well.
    await Promise.race([once(other, 'listening'), once(other, 'error')]).catch(() => {});
    const server = await startServer({ DAYBOOK_FTP_PORT: '' });
    expect(server.ftp.port).toBeNull();
    expect((await server.call('GET', '/readyz')).status).toBe(200);
    await server.close();
    other.close();
  });
});
