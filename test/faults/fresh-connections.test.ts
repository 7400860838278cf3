import { afterEach, beforeEach, expect, it } from 'vitest';
import { NotifyRings } from '../../src/adapters/queue/notify.ts';
import { createSession } from '../../src/adapters/store/connection.ts';
import { createDatabase, type Database } from '../../src/adapters/store/database.ts';
import { Leader } from '../../src/adapters/store/leader.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import type { Service } from '../../src/lib/service.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { DatabaseProxy } from '../support/faults/database-proxy.ts';
import { pollUntil } from '../support/poll.ts';

let database: TestDatabase;
let proxy: DatabaseProxy;
let db: Database;
const services: Service[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  proxy = await DatabaseProxy.open(database.url);
  db = createDatabase({
    connection: { connectionString: proxy.url },
    poolSize: 4,
    applicationName: 'daybook-test',
    onIdleError: () => {},
  });
});

afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.stop()));
  await db.close();
  await proxy.close();
  await database.drop();
});

// An error event that nobody listens to ends a process; in a test it fails the run as an unhandled error.
it('a connection that is ended in the moment it is made rejects the statement, and nothing else', async () => {
  proxy.endFresh();
  for (let round = 0; round < 20; round += 1) {
    const results = await Promise.allSettled([
      db.query('select 1'),
      db.transaction((tx) => tx.query('select 1')),
      db.transaction(async (tx) => {
        await tx.query('select 1');
        await tx.query('select 2');
      }),
    ]);
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'database_unavailable' } });
    }
  }
  expect(proxy.endedFresh).toBeGreaterThan(20);
  proxy.forward();
  expect(await db.query('select 1 as one')).toEqual([{ one: 1 }]);
});

it('whoever leads or listens comes through it, and works when the database is back', async () => {
  proxy.endFresh();
  let ledTimes = 0;
  const leader = new Leader({
    connection: { connectionString: proxy.url },
    duties: [
      {
        name: 'counting',
        run: async (signal) => {
          ledTimes += 1;
          await new Promise((resolve) => {
            signal.addEventListener('abort', resolve, { once: true });
          });
        },
      },
    ],
    logger: silentLogger,
  });
  const rings = new NotifyRings({
    createSession: () => createSession({ connectionString: proxy.url }, 'daybook-test'),
    db,
    logger: silentLogger,
  });
  services.push(leader, rings);
  await Promise.all([leader.start(), rings.start()]);
  await pollUntil(
    () => proxy.endedFresh,
    (count) => count >= 3,
  );
  proxy.forward();
  const led = await pollUntil(
    () => ledTimes,
    (count) => count > 0,
  );
  expect(led).toBe(1);
});
