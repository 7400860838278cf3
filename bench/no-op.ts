/**
 * Goal 1: jobs that do nothing, drained by one worker process from a queue that is let go at one moment. Ours are full
 * records: job, input, words, attempt with times, and three events, all kept. graphile-worker deletes a job when it
 * ends; pg-boss keeps one row. All on the same PostgreSQL.
 */
import { join } from 'node:path';
import { alternate, atLeast, type Bench, say } from './harness.ts';
import { nodePeer, packageVersion, Peer } from './peers.ts';
import { startPostgres } from './postgres.ts';

export const noOpBench: Bench = {
  name: 'no-op',
  goals: '1',
  summary: 'no-op jobs drained by one worker process, against graphile-worker and pg-boss',
  count: 10_000,
  usesDatabase: true,
  run: async ({ count, rounds, database }) => {
    const postgres = await startPostgres(database);
    const databases = await Promise.all([1, 2, 3].map(() => postgres.createDatabase()));
    const [own, graphileDatabase, bossDatabase] = databases.map(({ url }) => ({ BENCH_DATABASE: url }));
    const daybook = new Peer(process.execPath, [join(import.meta.dirname, 'no-op-worker.ts')], own);
    const graphile = nodePeer('graphile', graphileDatabase);
    const boss = nodePeer('pg-boss', bossDatabase);
    try {
      say(`  ${postgres.version}`);
      if (graphile)
        say(`  ${packageVersion('graphile-worker')}: 24 at once, local queue of 500, ends in batches`);
      if (boss) say(`  ${packageVersion('pg-boss')}: fetched and completed by 500`);
      say('  Daybook: 512 slots');
      const drain = (peer: Peer) => () => peer.ask<number>(`drain ${count}`);
      await daybook.ask('drain 1000');
      const rates = await alternate(
        {
          Daybook: drain(daybook),
          ...(graphile ? { graphile: drain(graphile) } : {}),
          ...(boss ? { 'pg-boss': drain(boss) } : {}),
        },
        { rounds, unit: 'jobs/s' },
      );
      const row = { goal: '1', what: 'no-op jobs', unit: 'jobs/s', ours: rates['Daybook'] ?? Number.NaN };
      return [
        { ...row, peer: 'graphile-worker', theirs: rates['graphile'] ?? null, wanted: atLeast(1) },
        { ...row, peer: 'pg-boss', theirs: rates['pg-boss'] ?? null, wanted: atLeast(0.9) },
      ].filter(({ theirs }) => theirs !== null);
    } finally {
      await Promise.all([daybook.close(), graphile?.close(), boss?.close()]);
      for (const made of databases) await made.drop();
      await postgres.stop();
    }
  },
};
