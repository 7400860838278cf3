/** pg-boss: no-op jobs in batches of 500, kept as completed rows. */
import { PgBoss } from 'pg-boss';
import { serve } from './serve.mjs';

const boss = new PgBoss({ connectionString: process.env.BENCH_DATABASE, max: 13 });
boss.on('error', (error) => process.stderr.write(`${error}\n`));
await boss.start();
await boss.createQueue('nothing');

await serve(
  {
    drain: async (count) => {
      for (let rest = count; rest > 0; rest -= 1000)
        await boss.insert(
          'nothing',
          Array.from({ length: Math.min(rest, 1000) }, () => ({ data: {} })),
        );
      let left = count;
      const begin = performance.now();
      // Its worker polls twice a second at most, so batches are fetched and completed one after the other.
      while (left > 0) {
        const jobs = await boss.fetch('nothing', { batchSize: 500 });
        await boss.complete(
          'nothing',
          jobs.map(({ id }) => id),
        );
        left -= jobs.length;
      }
      return count / ((performance.now() - begin) / 1000);
    },
  },
  () => boss.stop({ graceful: false }),
);
