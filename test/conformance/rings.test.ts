import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { silentLogger } from '../../src/lib/logger.ts';
import { NotifyRings } from '../../src/adapters/queue/notify.ts';
import { createSession } from '../../src/adapters/store/connection.ts';
import type { Rings } from '../../src/adapters/queue/ports.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { pollUntil } from '../support/poll.ts';

/** What every queue engine must do. A new adapter is one entry here. */
describeOnDatabases('rings by LISTEN/NOTIFY', (create) => {
  let database: TestDatabase;
  const open: Rings[] = [];

  beforeAll(async () => {
    database = await create();
  });

  afterAll(() => database?.drop());

  afterEach(async () => {
    await Promise.all(open.splice(0).map((rings) => rings.stop()));
  });

  async function join(): Promise<Rings> {
    const rings = new NotifyRings({
      createSession: () => createSession({ connectionString: database.url }, 'daybook-test'),
      db: database.db,
      logger: silentLogger,
    });
    open.push(rings);
    await rings.start();
    return rings;
  }

  /** Counts calls; the ring after the connection was made is not counted. */
  function counter(): { count: number; add(): void } {
    return {
      count: 0,
      add() {
        this.count += 1;
      },
    };
  }

  it('reach a listener of the same process at once', async () => {
    const rings = await join();
    const heard = counter();
    rings.listen({ queues: ['default'], labels: [] }, () => heard.add());
    rings.ring([{ queue: 'default', needs: [] }]);
    expect(heard.count).toBe(1);
  });

  it('reach listeners of other processes, and only those who can serve the place', async () => {
    const [sender, receiver] = [await join(), await join()];
    const plain = counter();
    const labelled = counter();
    const elsewhere = counter();
    receiver.listen({ queues: ['default'], labels: [] }, () => plain.add());
    receiver.listen({ queues: ['default'], labels: ['gpu', 'big'] }, () => labelled.add());
    receiver.listen({ queues: ['other'], labels: ['gpu'] }, () => elsewhere.add());
    sender.ring([{ queue: 'default', needs: ['gpu'] }]);
    await pollUntil(
      () => labelled.count,
      (count) => count === 1,
    );
    expect(plain.count).toBe(0);
    expect(elsewhere.count).toBe(0);
  });

  it('call the one worker that is meant', async () => {
    const [sender, receiver] = [await join(), await join()];
    const mine = counter();
    const other = counter();
    receiver.listenForCalls('w1', () => mine.add());
    receiver.listenForCalls('w2', () => other.add());
    sender.callWorkers(['w1']);
    await pollUntil(
      () => mine.count,
      (count) => count === 1,
    );
    expect(other.count).toBe(0);
  });

  it('tell everybody of news, and a burst of it as little', async () => {
    const [sender, receiver] = [await join(), await join()];
    const news = counter();
    receiver.listenForNews(() => news.add());
    for (let index = 0; index < 1_000; index += 1) sender.announce();
    await pollUntil(
      () => news.count,
      (count) => count >= 1,
    );
    expect(news.count).toBeLessThan(5);
  });

  it('come for a thousand places of one moment', async () => {
    const [sender, receiver] = [await join(), await join()];
    const heard = counter();
    const labels = Array.from({ length: 1_000 }, (_, index) => `label-${index}`);
    receiver.listen({ queues: ['default'], labels }, () => heard.add());
    sender.ring(labels.map((label) => ({ queue: 'default', needs: [label] })));
    const count = await pollUntil(
      () => heard.count,
      (heardNow) => heardNow >= 1_000,
    );
    expect(count).toBe(1_000);
  });

  it('stop when the listener does', async () => {
    const rings = await join();
    const heard = counter();
    const stop = rings.listen({ queues: ['default'], labels: [] }, () => heard.add());
    stop();
    rings.ring([{ queue: 'default', needs: [] }]);
    expect(heard.count).toBe(0);
  });

  it('ring everybody once after the connection was lost, since anything may have been missed', async () => {
    const rings = await join();
    const heard = counter();
    const called = counter();
    rings.listen({ queues: ['default'], labels: [] }, () => heard.add());
    rings.listenForCalls('w1', () => called.add());
    await database.db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %' and datname = current_database()`,
    );
    const counts = await pollUntil(
      () => [heard.count, called.count],
      (both) => both.every((count) => count >= 1),
    );
    expect(counts).toEqual([1, 1]);
  });

  it('start though the database is away, because a listener also looks by itself', async () => {
    const rings = new NotifyRings({
      createSession: () => createSession({ host: '127.0.0.1', port: 1 }, 'daybook-test'),
      db: { query: () => Promise.reject(new Error('away')) },
      logger: silentLogger,
    });
    open.push(rings);
    await rings.start();
    const heard = counter();
    rings.listen({ queues: ['default'], labels: [] }, () => heard.add());
    rings.ring([{ queue: 'default', needs: [] }]);
    expect(heard.count).toBe(1);
    await rings.stop();
  });
});
