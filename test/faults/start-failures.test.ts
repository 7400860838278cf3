import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEmptyDatabase, embeddedUrlName } from '../support/database.ts';
import { DatabaseProxy } from '../support/faults/database-proxy.ts';
import { findFreePort, type Server } from '../support/faults/server.ts';
import { isRoot } from '../support/faults/installation.ts';
import { useInstallations } from '../support/faults/use-installations.ts';
import { canMount, createSmallDisk } from '../support/faults/small-disk.ts';
import { pollUntil } from '../support/poll.ts';
import { requireService } from '../support/services.ts';

const newInstallation = useInstallations();
const nobody = 65_534;

/** What a server that cannot start says, and that it says so by its exit code as well. */
async function complaint(server: Server): Promise<string> {
  server.spawn();
  const exit = await server.exit;
  expect(exit).not.toBe(0);
  const lines = server.log.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  expect(lines).toHaveLength(1);
  return lines[0] ?? '';
}

describe('a server that cannot start says why in one sentence', () => {
  it('when another one uses the data directory, which goes on undisturbed', async () => {
    const installation = await newInstallation({ database: 'embedded' });
    const { server, client } = await installation.start();
    const second = installation.server(['web', 'worker'], { name: 'second' });
    expect(await complaint(second)).toBe(
      `daybook: A server (pid ${server.pid}) already uses this data directory: ${installation.data()}. Stop it first, or choose another one by DAYBOOK_DATA.`,
    );
    const { id } = await client.submit({ input: { script: 'ls.sh' } });
    expect(await client.untilEnded(id)).toMatchObject({ state: 'succeeded' });
  });

  it('when its port is taken, and leaves no launcher behind that works', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => {
      taken.listen(0, '127.0.0.1', resolve);
    });
    try {
      const address = taken.address();
      const port = typeof address === 'object' ? address?.port : 0;
      const installation = await newInstallation();
      const server = installation.server(['web', 'worker'], { env: { DAYBOOK_PORT: String(port) } });
      expect(await complaint(server)).toMatch(
        new RegExp(`^daybook: Port ${port} on 127.0.0.1 is taken by another program. Set DAYBOOK_PORT`),
      );
      const [free] = [installation.server(['web', 'worker'], { name: 'free' })];
      await free.start();
    } finally {
      taken.close();
    }
  });

  it('when its data directory cannot be written to', async () => {
    const installation = await newInstallation();
    const data = installation.data();
    mkdirSync(data);
    chmodSync(data, isRoot ? 0o755 : 0o555);
    const server = installation.server(['web', 'worker'], {
      env: { WORKER_USER: '' },
      ...(isRoot ? { user: nobody } : {}),
    });
    expect(await complaint(server)).toMatch(/^daybook: .*(cannot be|not writable)/);
    expect(existsSync(`${data}/homedir`)).toBe(false);
  });

  it.runIf(requireService('a file system of its own (mount)', canMount()))(
    'when its disk is full',
    async () => {
      const disk = createSmallDisk(1024 * 1024);
      try {
        disk.fill(0);
        const installation = await newInstallation();
        const server = installation.server(['web', 'worker'], { env: { DAYBOOK_DATA: disk.folder } });
        expect(await complaint(server)).toMatch(
          new RegExp(
            `^daybook: ${disk.folder}/.* cannot be used: the disk is full\\. Make room, .* \\(ENOSPC\\)\\.$`,
          ),
        );
      } finally {
        disk.remove();
      }
    },
  );

  it("when a folder is in the place of its launcher's journal", async () => {
    const installation = await newInstallation();
    const journal = join(installation.data(), 'launcher', 'journal');
    mkdirSync(journal, { recursive: true });
    expect(await complaint(installation.server(['web', 'worker']))).toBe(
      `daybook: ${journal} is a folder, and a file is to stand there: move it away, or choose another place by DAYBOOK_DATA.`,
    );
  });

  it.each([
    ['is a link to a folder', (data: string, folder: string) => symlinkSync(folder, join(data, 'attempts'))],
    ['was there before', (data: string, folder: string) => renameSync(folder, join(data, 'attempts'))],
  ])('when its folder of attempts %s with things of somebody else, which stay', async (_title, place) => {
    const installation = await newInstallation();
    const data = installation.data();
    mkdirSync(data);
    const folder = `${data}-big`;
    mkdirSync(join(folder, 'important'), { recursive: true });
    writeFileSync(join(folder, 'important', 'file'), 'precious');
    mkdirSync(join(folder, '12.1.out'));
    place(data, folder);
    expect(await complaint(installation.server(['web', 'worker']))).toMatch(
      /^daybook: .* is to hold attempts of Daybook, which removes them there, but it holds other things: important\. Nothing was changed\. Move them elsewhere/,
    );
    const attempts = join(data, 'attempts');
    expect(readdirSync(attempts).sort()).toEqual(['12.1.out', 'important']);
    expect(readFileSync(join(attempts, 'important', 'file'), 'utf8')).toBe('precious');
  });

  it('when its database server has no such database, or does not know the account', async () => {
    const database = await createEmptyDatabase(process.env[embeddedUrlName] ?? '');
    const url = new URL(database.url);
    try {
      url.pathname = '/not_there';
      const without = await newInstallation({ env: { DATABASE_URL: url.href } });
      expect(await complaint(without.server(['web', 'worker']))).toMatch(
        /^daybook: PostgreSQL at .* has no database not_there\. Make it there/,
      );
      const unknown = new URL(database.url);
      unknown.searchParams.set('user', 'nobody_known');
      const refused = await newInstallation({ env: { DATABASE_URL: unknown.href } });
      expect(await complaint(refused.server(['web', 'worker']))).toMatch(
        /^daybook: PostgreSQL at .* does not let the account nobody_known in/,
      );
    } finally {
      await database.drop();
    }
  });
});

it('a server whose attempts lie on a larger disk sweeps there what is its own, and nothing else', async () => {
  const installation = await newInstallation();
  const data = installation.data();
  mkdirSync(data);
  const disk = `${data}-disk`;
  mkdirSync(join(disk, '999999.1.out', 'left'), { recursive: true });
  symlinkSync(disk, join(data, 'attempts'));
  const { server, client } = await installation.start();
  expect(readdirSync(disk).sort()).toEqual(['.daybook', 'none']);
  await server.kill();
  mkdirSync(join(disk, '999999.2.in'));
  mkdirSync(join(disk, 'theirs'));
  symlinkSync(installation.folder, join(disk, '999999.3.out'));
  await server.start();
  expect(readdirSync(disk).sort()).toEqual(['.daybook', 'none', 'theirs']);
  const { id } = await client.submit({ input: { script: 'ls.sh' } });
  expect(await client.untilEnded(id)).toMatchObject({ state: 'succeeded' });
  expect(existsSync(installation.folder)).toBe(true);
});

describe('a server whose database is not there yet', () => {
  it('is alive, says what it waits for, and is ready when the database is', async () => {
    const database = await createEmptyDatabase(process.env[embeddedUrlName] ?? '');
    const proxy = await DatabaseProxy.open(database.url);
    try {
      proxy.refuse();
      const installation = await newInstallation({ env: { DATABASE_URL: proxy.url } });
      const port = await findFreePort();
      const server = installation.server(['web', 'worker'], { env: { DAYBOOK_PORT: String(port) } });
      server.spawn();
      const ask = (path: string): Promise<Response | null> =>
        fetch(`http://127.0.0.1:${port}${path}`).catch(() => null);
      await pollUntil(
        async () => (await (await ask('/readyz'))?.json()) as { message: string } | undefined,
        (answer) => answer?.message === 'Waiting for the database; it does not answer yet.',
      );
      expect((await ask('/healthz'))?.status).toBe(200);
      const early = await ask('/api/v1/jobs');
      expect([early?.status, early?.headers.get('retry-after')]).toEqual([503, '5']);
      proxy.forward();
      expect(await server.untilReady()).toBe(`http://127.0.0.1:${port}`);
      expect((await ask('/readyz'))?.status).toBe(200);
      expect(server.log.match(/Waiting for the database/g)).toHaveLength(1);
    } finally {
      await proxy.close();
      await database.drop();
    }
  });
});

describe('a server whose data directory vanishes', () => {
  it.each(['of the built-in database', 'beside a database server'])(
    '%s stops with words, and makes nothing in its place',
    async (which) => {
      const database =
        which === 'beside a database server'
          ? await createEmptyDatabase(process.env[embeddedUrlName] ?? '')
          : null;
      try {
        const installation = await newInstallation(
          database ? { env: { DATABASE_URL: database.url } } : { database: 'embedded' },
        );
        const { server, client } = await installation.start();
        const data = installation.data();
        const aside = `${data}-aside`;
        renameSync(data, aside);
        mkdirSync(data);
        expect(await server.exit).toBe(1);
        expect(server.log).toContain(
          `daybook: The data directory ${data} is another folder than at the start`,
        );
        expect(readdirSync(data)).toEqual([]);
        rmdirSync(data);
        renameSync(aside, data);
        await server.start();
        expect((await client.ask('GET', '/readyz')).status).toBe(200);
      } finally {
        await database?.drop();
      }
    },
  );
});
