import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmptyDatabase, embeddedUrlName, type TestDatabase } from '../support/database.ts';
import { DatabaseProxy } from '../support/faults/database-proxy.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

let database: TestDatabase;
let proxy: DatabaseProxy;
let server: TestServer;
let log = '';

beforeAll(async () => {
  database = await createEmptyDatabase(process.env[embeddedUrlName] ?? '');
  proxy = await DatabaseProxy.open(database.url);
  server = await startServer({
    DATABASE_URL: proxy.url,
    DAYBOOK_LEASE_SECONDS: '2',
    DAYBOOK_LOG_LEVEL: 'info',
  });
  server.process.stderr?.on('data', (bytes: Buffer) => (log += bytes.toString()));
});
afterAll(async () => {
  await server?.close();
  await proxy?.close();
  await database?.drop();
});

const lines = (): { msg: string; requestId?: string }[] =>
  log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { msg: string });

describe('the log of an outage of the database', () => {
  it('is one line when it goes and one when it is back, without stacks, however many ask meanwhile', async () => {
    proxy.refuse();
    proxy.cut();
    for (let tries = 0; tries < 5; tries += 1)
      expect((await server.call('GET', '/api/v1/jobs')).status).toBe(503);
    await pollUntil(
      () => lines(),
      (all) => all.some(({ msg }) => msg.startsWith('The database does not answer')),
    );
    proxy.forward();
    await pollUntil(
      () => lines(),
      (all) => all.some(({ msg }) => msg.startsWith('The database answers again')),
    );
    server.process.kill('SIGTERM');
    await once(server.process, 'exit');
    const said = lines().map(({ msg }) => msg);
    expect(said.filter((msg) => msg.startsWith('The database does not answer'))).toHaveLength(1);
    expect(said.filter((msg) => msg.startsWith('The database answers again'))).toHaveLength(1);
    expect(said.filter((msg) => msg.startsWith('a request could not be served'))).toEqual([]);
    expect(log).not.toMatch(/\\n\s+at /);
  });
});
