/** Who comes in by FTP, what they may do, how their sessions are protected, and what the audit has of it. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { FtpClient } from '../support/ftp/client.ts';
import { ftpPassword, ftpUser, makeCertificate, startFtp, type FtpPlace } from '../support/ftp/server.ts';
import { pollUntil } from '../support/poll.ts';

let ftp: FtpPlace;

beforeAll(async () => {
  ftp = await startFtp();
});
afterAll(() => ftp.close());

const signIn = (user = ftpUser, password = ftpPassword): Promise<FtpClient> =>
  FtpClient.signIn(ftp.port, user, password);

async function addUser(name: string, role: string): Promise<void> {
  const password = `password of ${name}`;
  const { status } = await ftp.server.call('POST', '/api/v1/users', { name, role, password });
  expect(status).toBe(201);
}

describe('who comes in', () => {
  it('is an account by its password or a token, and FTP_USER, who comes in nowhere else', async () => {
    const token = await ftp.server.call('POST', '/api/v1/tokens', { name: 'ftp', scopes: ['all'] });
    const { secret } = token.json<{ secret: string }>();
    for (const password of [adminPassword, secret]) {
      const client = await signIn('admin', password);
      expect(await client.store('STOR by-admin', 'x')).toMatchObject({ code: 226 });
      client.destroy();
    }
    const old = await signIn();
    expect(await old.store('STOR by-old', 'x')).toMatchObject({ code: 226 });
    old.destroy();
    const authorization = `Basic ${Buffer.from(`${ftpUser}:${ftpPassword}`).toString('base64')}`;
    const { status } = await ftp.server.call('GET', '/api/v1/me', undefined, { authorization });
    expect(status).toBe(401);
  });

  it('is nobody else: neither anonymous nor with a wrong password, and the third one ends the session', async () => {
    const client = await FtpClient.connect(ftp.port);
    for (const [user, password] of [
      ['anonymous', 'a@b'],
      ['ana', ftpPassword],
      [ftpUser, adminPassword],
    ] as const) {
      expect((await client.send(`USER ${user}`)).code).toBe(331);
      expect((await client.send(`PASS ${password}`)).code).toBe(530);
    }
    await client.untilClosed();
  });

  it('may as much as their role and token: viewers and tokens that read change nothing', async () => {
    await addUser('vera', 'viewer');
    await addUser('mo', 'member');
    writeFileSync(join(ftp.home, 'seen'), 'seen');
    const token = await ftp.server.call(
      'POST',
      '/api/v1/tokens',
      { name: 'look', scopes: ['read'] },
      { authorization: `Basic ${Buffer.from('mo:password of mo').toString('base64')}` },
    );
    const reading = await signIn('mo', token.json<{ secret: string }>().secret);
    const viewer = await signIn('vera', 'password of vera');
    for (const client of [reading, viewer]) {
      expect((await client.fetch('RETR seen')).bytes.toString()).toBe('seen');
      for (const command of ['DELE seen', 'MKD d', 'SITE CHMOD 600 seen', 'MFMT 20200101000000 seen'])
        expect((await client.send(command)).code).toBe(550);
      expect((await client.store('STOR seen', 'changed')).code).toBe(550);
      expect((await client.send('MLST seen')).text).toContain('perm=r;');
      client.destroy();
    }
    const member = await signIn('mo', 'password of mo');
    expect((await member.store('STOR by-mo', 'x')).code).toBe(226);
    member.destroy();
    expect(readFileSync(join(ftp.home, 'seen'), 'utf8')).toBe('seen');
  });

  it('is nobody before the password: no command that tells anything of home is answered', async () => {
    const client = await FtpClient.connect(ftp.port);
    for (const command of [
      'PWD',
      'LIST',
      'STAT',
      'RETR x',
      'STOR x',
      'PASV',
      'SIZE /etc/passwd',
      'CWD /',
      'SITE CHMOD 777 x',
    ])
      expect((await client.send(command)).code).toBe(530);
    for (const command of ['FEAT', 'SYST', 'NOOP', 'HELP', 'CLNT me', 'OPTS UTF8 ON'])
      expect((await client.send(command)).code).toBeLessThan(300);
    client.destroy();
  });

  it('is in the audit with what they changed', async () => {
    const client = await signIn('admin', adminPassword);
    await client.store('STOR audited', 'four');
    await client.send('RNFR audited');
    await client.send('RNTO audited-2');
    await client.send('DELE audited-2');
    client.destroy();
    const actions = await pollUntil(
      async () => {
        const { items } = (await ftp.server.call('GET', '/api/v1/audit?actor=admin&limit=50')).json<{
          items: { action: string; target: string; details: object; address: string }[];
        }>();
        return items.filter(({ details }) => 'via' in details);
      },
      (items) => items.some(({ action }) => action === 'home.delete'),
    );
    expect(actions.slice(0, 4).map(({ action, target }) => [action, target])).toEqual([
      ['home.delete', '/audited-2'],
      ['home.rename', '/audited'],
      ['home.upload', '/audited'],
      ['sessions.create', 'ftp'],
    ]);
    expect(actions[0]?.address).toBe('127.0.0.1');
  });
});

describe('TLS', () => {
  it('what came in clear behind AUTH TLS is thrown away', async () => {
    const client = await FtpClient.connect(ftp.port);
    client.write('AUTH TLS\r\nHELP\r\nNOOP\r\n');
    expect((await client.reply()).code).toBe(234);
    await client.startTls();
    expect((await client.send('SYST')).code).toBe(215);
    client.destroy();
  });

  it('begins a session anew: who was signed in by a password in clear is not any more', async () => {
    const client = await signIn();
    await client.secure();
    expect((await client.send('PWD')).code).toBe(530);
    expect((await client.send('CCC')).code).toBe(534);
    expect((await client.send('AUTH TLS')).code).toBe(503);
    client.destroy();
  });

  it('PBSZ and PROT belong to it', async () => {
    const client = await signIn();
    for (const command of ['PBSZ 0', 'PROT P']) expect((await client.send(command)).code).toBe(503);
    for (const mechanism of ['KERBEROS_V4', 'GSSAPI'])
      expect((await client.send(`AUTH ${mechanism}`)).code).toBe(504);
    client.destroy();
  });

  it('data comes and goes by it, an upload by 1.2 at most', async () => {
    const client = await FtpClient.connect(ftp.port);
    await client.secure();
    await client.send(`USER ${ftpUser}`);
    await client.send(`PASS ${ftpPassword}`);
    await client.send('TYPE I');
    const bytes = Buffer.alloc(500_000, 'x');
    const upload = await client.open('STOR by-tls');
    expect((upload.data as TLSSocket).getProtocol()).toBe('TLSv1.2');
    upload.data.end(bytes);
    expect((await client.reply()).code).toBe(226);
    const download = await client.open('RETR by-tls');
    expect((download.data as TLSSocket).getProtocol()).toBe('TLSv1.3');
    // Gone before the handshake is over for the server, or in the middle of the file.
    download.data.destroy();
    expect([425, 426]).toContain((await client.reply()).code);
    expect((await client.fetch('RETR by-tls')).bytes.equals(bytes)).toBe(true);
    expect((await client.lines('NLST')).includes('by-tls')).toBe(true);
    client.destroy();
  });

  it('an upload whose end was not said is none, and can be gone on with', async () => {
    writeFileSync(join(ftp.home, 'kept'), 'the old one');
    chmodSync(join(ftp.home, 'kept'), 0o666);
    const client = await FtpClient.connect(ftp.port);
    await client.secure();
    await client.send(`USER ${ftpUser}`);
    await client.send(`PASS ${ftpPassword}`);
    await client.send('TYPE I');
    for (const name of ['kept', 'cut']) {
      const plain = await client.passive();
      expect((await client.send(`STOR ${name}`)).code).toBe(150);
      const data = connectTls({ socket: plain, rejectUnauthorized: false });
      await once(data, 'secureConnect');
      await new Promise((resolve) => data.write(Buffer.alloc(100_000, 'n'), resolve));
      // The end of the connection below, without that of TLS.
      plain.end();
      expect((await client.reply()).code).toBe(426);
      data.destroy();
    }
    expect(readFileSync(join(ftp.home, 'kept'), 'utf8')).toBe('the old one');
    expect(() => readFileSync(join(ftp.home, 'cut'))).toThrow('ENOENT');
    expect(await client.send('SIZE cut')).toEqual({ code: 213, text: '213 100000' });
    expect((await client.store('APPE cut', 'end')).code).toBe(226);
    expect(readFileSync(join(ftp.home, 'cut'))).toHaveLength(100_003);
    client.destroy();
  });

  it('is there from the first byte on the port for it', async () => {
    const socket = connectTls({ port: ftp.implicitTlsPort, host: '127.0.0.1', rejectUnauthorized: false });
    const client = new FtpClient(socket);
    expect((await client.reply()).code).toBe(220);
    expect((await client.send('PBSZ 0')).code).toBe(200);
    client.destroy();
  });

  it('shows a new certificate without a restart, and the old one while the new one is no good', async () => {
    const nameNow = async (): Promise<unknown> => {
      const socket = connectTls({ port: ftp.implicitTlsPort, host: '127.0.0.1', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const name = socket.getPeerCertificate().subject?.CN;
      socket.destroy();
      return name;
    };
    expect(await nameNow()).toBe('localhost');
    writeFileSync(ftp.certificateFile, 'half of a certif');
    const notBefore = performance.now() + 1_200;
    await pollUntil(nameNow, (name) => name === 'localhost' && performance.now() > notBefore);
    makeCertificate({ ...ftp, name: 'renewed' });
    await pollUntil(nameNow, (name) => name === 'renewed');
  });
});
