import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createDatabase } from '../../src/adapters/store/database.ts';
import { refuseTransactionPooler } from '../../src/adapters/store/pooler.ts';
import { createTestDatabase, serverUrlName } from '../support/database.ts';
import { findFreePort } from '../support/faults/server.ts';
import { pollUntil } from '../support/poll.ts';
import { requireService } from '../support/services.ts';

const url = process.env[serverUrlName];
const isAvailable = requireService('pgbouncer', isInstalled('pgbouncer') && url !== undefined);
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

describe.runIf(isAvailable)('a pooler before PostgreSQL', () => {
  it('in transaction mode is refused in words that say what to use', async () => {
    const connectionString = await startPooler('transaction');
    await expect(refuseTransactionPooler({ connectionString })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('pool_mode = session'),
    });
  });

  it('in session mode works, with prepared statements and whatever a session relies on', async () => {
    const connectionString = await startPooler('session');
    await refuseTransactionPooler({ connectionString });
    const db = createDatabase({
      connection: { connectionString },
      poolSize: 3,
      applicationName: 'daybook-test',
      onIdleError: () => {},
    });
    closing.push(() => db.close());
    const asked = await Promise.all(
      Array.from({ length: 30 }, () =>
        db.query<{ n: number }>({ name: 'n', text: 'select $1::int as n' }, [7]),
      ),
    );
    expect(asked.flat().every(({ n }) => n === 7)).toBe(true);
    expect(await db.query('show statement_timeout')).toEqual([{ statement_timeout: '1min' }]);
    let copied = '';
    await db.copyOut('copy (select generate_series(1, 3)) to stdout', (bytes) => {
      copied += bytes.toString();
    });
    expect(copied).toBe('1\n2\n3\n');
  });

  it('is not mistaken for one where there is none', async () => {
    const database = await createTestDatabase(url);
    closing.push(() => database.drop());
    await expect(refuseTransactionPooler({ connectionString: database.url })).resolves.toBeUndefined();
  });
});

/** @returns the address of a fresh database by way of the pooler */
async function startPooler(mode: 'session' | 'transaction'): Promise<string> {
  const database = await createTestDatabase(url);
  closing.push(() => database.drop());
  const target = new URL(database.url);
  const folder = mkdtempSync(join(tmpdir(), 'daybook-pooler-'));
  chmodSync(folder, 0o755);
  closing.push(async () => rmSync(folder, { recursive: true }));
  const port = await findFreePort();
  writeFileSync(join(folder, 'users.txt'), `"${target.username}" ""\n`);
  writeFileSync(
    join(folder, 'pooler.ini'),
    `[databases]
* = host=${target.hostname} port=${target.port || '5432'}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(folder, 'users.txt')}
pool_mode = ${mode}
`,
  );
  // It refuses to run as root.
  const account = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const pooler = spawn('pgbouncer', ['-q', ...account, join(folder, 'pooler.ini')], { stdio: 'ignore' });
  const ended = once(pooler, 'exit');
  closing.push(async () => {
    pooler.kill('SIGKILL');
    await ended;
  });
  const address = `postgres://${target.username}@127.0.0.1:${port}${target.pathname}`;
  await pollUntil(
    () => canConnect(address),
    (can) => can,
  );
  return address;
}

async function canConnect(connectionString: string): Promise<boolean> {
  const db = createDatabase({
    connection: { connectionString },
    poolSize: 1,
    applicationName: 'daybook-test',
    onIdleError: () => {},
  });
  try {
    await db.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await db.close();
  }
}

function isInstalled(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}
