import { afterEach, describe, expect, it } from 'vitest';
import {
  awkwardSettings,
  createEmptyDatabase,
  serverUrlName,
  type DatabaseBackend,
  type TestDatabase,
} from '../support/database.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { requireService } from '../support/services.ts';

const url = process.env[serverUrlName];
const isAvailable = requireService('PostgreSQL (server)', url !== undefined);
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const cases: [string, { settings?: DatabaseBackend['settings']; options?: string }][] = [
  ...Object.entries(awkwardSettings).map(([name, settings]): (typeof cases)[number] => [
    `${name} of its own`,
    { settings },
  ]),
  ['the letters of C', { options: `encoding 'UTF8' locale 'C' template template0` }],
];

describe.runIf(isAvailable)('a database with', () => {
  it.each(cases)(
    '%s: a server starts, a job runs, and is found by its day and its words',
    async (_, made) => {
      const server = await serveOn(await createEmptyDatabase(url ?? '', made));
      const submitted = await server.call('POST', '/api/v1/jobs', {
        kind: 'script',
        name: 'Gänseblümchen pflücken',
        input: { script: 'ls.sh' },
      });
      expect(submitted.status).toBe(201);
      const { id } = submitted.json<{ id: number }>();
      const job = await pollUntil(
        async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Record<string, string>>(),
        ({ state }) => state === 'succeeded',
      );
      expect(new Date(job['submittedAt'] ?? '').getTime()).toBeGreaterThan(Date.now() - 60_000);
      const day = (job['submittedAt'] ?? '').slice(0, 10);
      for (const filter of [`submitted:${day}`, 'gänse*', 'GÄNSEBLÜMCHEN', `id:${id}`]) {
        const found = await server.call('GET', `/api/v1/jobs?q=${encodeURIComponent(filter)}`);
        expect([filter, found.json<{ items: { id: number }[] }>().items.map((one) => one.id)]).toEqual([
          filter,
          [id],
        ]);
      }
      expect((await server.call('GET', '/readyz')).status).toBe(200);
    },
  );
});

async function serveOn(database: TestDatabase): Promise<TestServer> {
  closing.push(() => database.drop());
  const server = await startServer({ DATABASE_URL: database.url, DAYBOOK_TIMEZONE: 'UTC' });
  closing.push(() => server.close());
  return server;
}
