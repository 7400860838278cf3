import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Server } from '../support/faults/server.ts';
import { isRoot } from '../support/faults/installation.ts';
import { useInstallations } from '../support/faults/use-installations.ts';

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

  it('when its database does not answer', async () => {
    const installation = await newInstallation({
      env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
    });
    expect(await complaint(installation.server(['web', 'worker']))).toMatch(/^daybook: .*database/i);
  });
});
