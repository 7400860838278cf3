/** graphile-worker with its local queue, as its own performance test sets it: no-op jobs, deleted when they end. */
import pg from 'pg';
import { run } from 'graphile-worker';
import { serve } from './serve.mjs';

const pool = new pg.Pool({ connectionString: process.env.BENCH_DATABASE, max: 13 });
const preset = {
  worker: {
    concurrentJobs: 24,
    maxPoolSize: 13,
    localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  },
};
const quiet = { error() {}, warn() {}, info() {}, debug() {} };
const { Logger } = await import('graphile-worker');
const logger = new Logger(() => (level, message) => level === 'error' && console.error(message), quiet);
const runner = await run({
  pgPool: pool,
  preset,
  logger,
  noHandleSignals: true,
  taskList: { nothing: () => {} },
});

await serve(
  {
    // Committed at once, as one ring; the end is seen in the table.
    drain: async (count) => {
      await pool.query(`select graphile_worker.add_job('nothing', '{}') from generate_series(1, $1)`, [
        count,
      ]);
      const begin = performance.now();
      for (;;) {
        const { rowCount } = await pool.query('select from graphile_worker._private_jobs limit 1');
        if (rowCount === 0) return count / ((performance.now() - begin) / 1000);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  },
  async () => {
    await runner.stop();
    await pool.end();
  },
);
