import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDatabase } from '../../src/adapters/store/database.ts';
import { createOutputStore } from '../../src/adapters/store/output-store.ts';
import { createFindThreads, startFindThread } from '../../src/app/find-threads.ts';
import { createOutputFinder } from '../../src/domain/output/find/finder.ts';
import type { Page, SearchedPage } from '../../src/domain/output/find/thread.ts';
import { FindThreads } from '../../src/domain/output/find/threads.ts';
import type {
  AttemptRef,
  FindOptions,
  FoundLines,
  OutputChunk,
  OutputFinder,
} from '../../src/domain/output/ports.ts';
import { createServerDatabase, type TestDatabase } from '../support/database.ts';
import { adminAuthorization } from '../support/admin.ts';
import { DatabaseProxy } from '../support/faults/database-proxy.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer } from '../support/server.ts';
import { storeTinyChunks, tinyChunk } from '../support/tiny-chunks.ts';

/** Those of the threads; the test itself has another name. */
const ofThreads = `datname = current_database() and application_name = 'daybook' and query like 'copy (%'`;
const isWaiting = `${ofThreads} and wait_event_type = 'Lock'`;
const isBusy = `${ofThreads} and state = 'active'`;

let database: TestDatabase;
let proxy: DatabaseProxy;
let finder: OutputFinder;
let attempt: AttemptRef;

beforeEach(async () => {
  database = await createServerDatabase();
  proxy = await DatabaseProxy.open(database.url);
  finder = createFinder();
  attempt = { jobId: 1, number: 1, claimedAt: new Date() };
  await storeTinyChunks(database.db, attempt, 600);
});

afterEach(async () => {
  await proxy.close();
  await database.drop();
});

function createFinder(options?: { idleMs: number }): OutputFinder {
  const threads = createFindThreads({ connectionString: proxy.url }, options);
  return createOutputFinder(createOutputStore(database.db), threads);
}

const find = (text: string, change: Partial<FindOptions> = {}): Promise<FoundLines> =>
  finder.find(attempt, {
    text,
    ignoresCase: false,
    stream: null,
    from: null,
    direction: 'forward',
    limit: 1_000,
    budgetMs: 60_000,
    ...change,
  });

const foundLines = async (text: string, change: Partial<FindOptions> = {}): Promise<(number | null)[]> =>
  (await find(text, change)).lines.map(({ line }) => line);

/** Of `line 0` to `line 599`. */
async function expectToFindAll(): Promise<void> {
  expect(await foundLines('line 59')).toEqual([59, ...Array.from({ length: 10 }, (_, index) => 590 + index)]);
  expect(await find('no such line')).toMatchObject({ lines: [], isComplete: true });
}

const connections = (condition: string): Promise<{ query: string }[]> =>
  database.db.query(`select query from pg_stat_activity where ${condition} order by query`);

const untilConnections = (condition: string, count: number): Promise<unknown> =>
  pollUntil(
    () => connections(condition),
    ({ length }) => length === count,
  );

/** Runs `work` while a page waits in the middle of its statement, and lets the page go on afterwards. */
async function whileReading<T>(begin: () => T, work: () => Promise<void>): Promise<T> {
  return database.db
    .transaction(async (tx) => {
      await tx.query('lock table output_chunks in access exclusive mode');
      const begun = begin();
      await untilConnections(isWaiting, 1);
      await work();
      // In an object: a promise would be waited for, while the lock is held.
      return { begun };
    })
    .then(({ begun }) => begun);
}

describe('a reader that goes away', () => {
  it('leaves one page to be read, and the next search of the same thread is right', async () => {
    const reader = new AbortController();
    const { search } = await whileReading(
      () => ({ search: find('line 599', { signal: reader.signal }) }),
      async () => reader.abort(),
    );
    expect(await search).toMatchObject({ lines: [], isComplete: false });
    await untilConnections(isBusy, 0);
    expect(await connections(ofThreads)).toMatchObject([{ query: expect.stringContaining('number >= 0\n') }]);
    await expectToFindAll();
  });

  it('by its connection to the server ends its search there', async () => {
    const server = await startServer({ DATABASE_URL: database.url, WORKER_ALLOW_SHELL: '1' });
    try {
      const job = (
        await server.call('POST', '/api/v1/jobs', { kind: 'script', input: { script: 'true' } })
      ).json<{ id: number }>();
      const [claimed] = await pollUntil(
        () =>
          database.db.query<{ claimedAt: Date }>(
            `select claimed_at as "claimedAt" from attempts where job_id = $1`,
            [job.id],
          ),
        ({ length }) => length === 1,
      );
      await storeTinyChunks(
        database.db,
        { jobId: job.id, number: 1, claimedAt: claimed?.claimedAt ?? new Date() },
        600,
      );
      const address = `${server.url}/api/v1/jobs/${job.id}/output?stream=stdout&find=line%20599`;
      const headers = { authorization: adminAuthorization };
      const reader = new AbortController();
      await whileReading(
        () => ({ answer: fetch(address, { headers, signal: reader.signal }).catch(() => null) }),
        async () => {
          reader.abort();
          // Answered after the server has heard of what came before.
          for (let times = 0; times < 3; times += 1) await fetch(`${server.url}/healthz`);
        },
      );
      await untilConnections(isBusy, 0);
      expect(await connections(ofThreads)).toMatchObject([
        { query: expect.stringContaining('number >= 0\n') },
      ]);
      const page = (await (await fetch(address, { headers })).json()) as { lines: unknown[] };
      expect(page.lines).toMatchObject([{ line: 599, text: 'line 599' }]);
    } finally {
      await server.close();
    }
  });

  it('or has enough leaves pages behind that nobody mistakes for those of the next search', async () => {
    for (let round = 0; round < 20; round += 1) {
      const limit = 17 + round * 10;
      expect(await foundLines('line', { limit })).toEqual(Array.from({ length: limit }, (_, index) => index));
      expect(await foundLines(`line ${500 + round}`)).toEqual([500 + round]);
    }
    await untilConnections(isBusy, 0);
    expect((await connections(ofThreads)).length).toBeLessThanOrEqual(2);
  });
});

describe('a database that goes away while output is searched', () => {
  it('fails the search in words when it ends the backend, and works again', async () => {
    const { search } = await whileReading(
      () => ({ search: find('line 599').catch((error: unknown) => error) }),
      async () =>
        void (await database.db.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where ${ofThreads}`,
        )),
    );
    expect(await search).toMatchObject({ name: 'AppError', code: 'database_unavailable', status: 503 });
    await expectToFindAll();
  });

  it('fails searches while it is away, and none when it is back', async () => {
    await expectToFindAll();
    proxy.refuse();
    await expect(find('line 599')).rejects.toMatchObject({ code: 'database_unavailable' });
    await expect(find('line 599')).rejects.toMatchObject({ code: 'database_unavailable' });
    proxy.forward();
    await expectToFindAll();
  });

  it('without a word is given up after the time of a statement, and a new connection works', async () => {
    const db = createDatabase({
      connection: { connectionString: proxy.url },
      poolSize: 1,
      applicationName: 'daybook',
      limits: { statementTimeoutMs: 100, idleInTransactionTimeoutMs: 0 },
      onIdleError: () => {},
    });
    const copy = (): Promise<void> => db.copyOut('copy (select 1) to stdout', () => {});
    await copy();
    proxy.swallow();
    await expect(copy()).rejects.toMatchObject({ code: 'database_unavailable' });
    proxy.forward();
    await copy();
    await db.close();
  });
});

describe('output that grows between two pages', () => {
  it.each([null, 'stdout'] as const)('is searched to its last line, here of %s', async (stream) => {
    const store = createOutputStore(database.db);
    attempt = { ...attempt, number: 2 };
    await storeTinyChunks(database.db, attempt, 7);
    const chunk = (number: number, text: string, isFull: boolean): OutputChunk =>
      tinyChunk(attempt, { number, position: { line: number, byte: number * 7 }, text, isFull });
    // The last one of the first page, and not full yet.
    await store.write([chunk(7, 'line 7\n', false)]);
    const threads = new (class extends FindThreads {
      override async search(page: Page, signal: AbortSignal): Promise<SearchedPage> {
        const grown = [chunk(7, 'line 7\nneedle\n', true), chunk(9, 'line 9\n', false)];
        if (page.first > 0) await store.write(grown.map((one, at) => ({ ...one, number: 7 + at })));
        return super.search(page, signal);
      }
    })(startFindThread({ connectionString: proxy.url }));
    finder = createOutputFinder(store, threads);
    const first = await find('needle', { stream });
    const second = await find('needle', { stream, from: first.searchedTo });
    expect([first.isComplete, second.isComplete]).toEqual([true, true]);
    expect([...first.lines, ...second.lines].map(({ line }) => line)).toEqual([8]);
  });
});

describe('what searches keep', () => {
  it('is given back when nobody searches for a while: no thread, no connection', async () => {
    finder = createFinder({ idleMs: 50 });
    await expectToFindAll();
    await untilConnections(ofThreads, 0);
    expect(await foundLines('line 599')).toEqual([599]);
  });
});

describe('a chunk that is damaged', () => {
  it('fails its search, and leaves nothing behind for the next one', async () => {
    const [kept] = await database.db.query<{ data: Buffer }>(
      'select data from output_chunks where number = 300',
    );
    const put = (data: Uint8Array): Promise<unknown> =>
      database.db.query('update output_chunks set data = $1 where number = 300', [data]);
    await put(Buffer.from([0, 0, 99, 1]));
    await expect(find('line 599')).rejects.toThrow('reaches beyond its end');
    expect(await foundLines('line 5', { limit: 1 })).toEqual([5]);
    await put(kept?.data ?? Buffer.alloc(0));
    await expectToFindAll();
  });
});
