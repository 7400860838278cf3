import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { describeInBrowser, useBrowser } from '../support/browser.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { submitScript } from '../support/lab.ts';

const lanAddress = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

describeInBrowser('another place than this machine', () => {
  const suite = useBrowser({ DAYBOOK_HOST: '0.0.0.0' });

  it.skipIf(lanAddress === undefined)('plain http through an address of the LAN', async () => {
    const page = await suite.open({ baseURL: `http://${lanAddress}:${new URL(suite.server.url).port}` });
    await page.goto('/');
    await page.getByLabel('User').fill('admin');
    await page.getByLabel('Password').fill(adminPassword);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The diary is empty').waitFor();
    await page.reload();
    await page.getByText('The diary is empty').waitFor();
  });
});

describeInBrowser('a proxy that ends TLS', () => {
  const suite = useBrowser();
  let folder: string;
  let proxy: Server;
  let behind: TestServer;
  let address: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'daybook-tls-'));
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        key,
        '-out',
        certificate,
        ...subject,
      ],
      { stdio: 'pipe' },
    );
    proxy = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (incoming, answer) =>
      passOn(incoming, answer, new URL(behind.url)),
    );
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    address = `https://localhost:${(proxy.address() as AddressInfo).port}`;
    behind = await startServer({ DAYBOOK_PUBLIC_URL: address, DAYBOOK_TRUST_PROXY: '1' });
  });
  afterAll(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await behind.close();
    rmSync(folder, { recursive: true });
  });

  it('signing in, a secure cookie and live rows through https', async () => {
    const page = await suite.open({ baseURL: address, ignoreHTTPSErrors: true });
    await page.goto('/');
    await page.getByLabel('User').fill('admin');
    await page.getByLabel('Password').fill(adminPassword);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The diary is empty').waitFor();
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({
      name: expect.stringMatching(/^daybook_session/),
      secure: true,
      httpOnly: true,
    });
    await submitScript(behind, 'ls.sh', ['-la'], { name: 'Seen through the proxy' });
    await page.getByRole('link', { name: 'Seen through the proxy' }).waitFor();
  });
});

describeInBrowser('a server that goes away', () => {
  const suite = useBrowser();

  it('is told by a banner that goes by itself, and what happened meanwhile is shown', async () => {
    const page = await suite.openAs();
    await submitScript(suite.server, 'ls.sh', ['-la'], { name: 'Before' });
    await page.goto('/');
    await page.getByRole('link', { name: 'Before' }).waitFor();
    suite.server.process.kill('SIGTERM');
    await once(suite.server.process, 'exit');
    await page.getByRole('status').getByText('The server does not answer.').waitFor();
    expect(await page.getByRole('link', { name: 'Before' }).count()).toBe(1);

    const again = await suite.server.startAgain({ DAYBOOK_PORT: new URL(suite.server.url).port });
    try {
      await submitScript(again, 'ls.sh', ['-la'], { name: 'After' });
      await page.getByRole('link', { name: 'After' }).waitFor();
      await page.getByText('The server does not answer.').waitFor({ state: 'detached' });
    } finally {
      again.process.kill('SIGTERM');
      await once(again.process, 'exit');
    }
  });

  it('an ended session asks for the password and keeps the page', async () => {
    const second = await startServer();
    try {
      const page = await suite.open({ baseURL: second.url });
      await page.request.post('/api/v1/sessions', { data: { name: 'admin', password: adminPassword } });
      await page.goto('/?q=state:failed');
      await page.getByText('No job fits this filter.').waitFor();
      await page.context().clearCookies();
      await page.getByRole('button', { name: 'Show all jobs' }).click();
      await page.getByRole('dialog').getByLabel('Password').fill(adminPassword);
      await page.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.getByText('The diary is empty').waitFor();
    } finally {
      await second.close();
    }
  });
});

/** What nginx does with `proxy_pass`, and no more. */
function passOn(incoming: IncomingMessage, answer: ServerResponse, { hostname, port }: URL): void {
  const headers = {
    ...incoming.headers,
    'x-forwarded-proto': 'https',
    'x-forwarded-for': incoming.socket.remoteAddress ?? '',
  };
  const outgoing = request(
    { hostname, port, method: incoming.method, path: incoming.url, headers },
    (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    },
  );
  outgoing.on('error', () => answer.destroy());
  answer.on('close', () => outgoing.destroy());
  incoming.pipe(outgoing);
}
