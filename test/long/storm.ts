/**
 * Every move of jobs at once, by many clients, for minutes; half of the time backends are killed in the middle of what
 * they do. Then an oracle looks at what is left.
 *
 *     npm run test:long -- storm [seconds, by default 600] [--seed N] [--undo NAME]
 *
 * `--undo` takes one rule of the moves back: then the oracle must find something. Before the storms, a transaction is
 * held open while 50 000 jobs run. Exit code 1: something was found that may never be.
 */
import { parseArgs } from 'node:util';
import { createTestDatabase } from '../support/database.ts';
import { setup, teardown } from '../global-setup.ts';
import { drainBesideOldTransaction } from '../storm/old-transaction.ts';
import { runStorm } from '../storm/run-storm.ts';
import { undoNames } from '../storm/undo.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, undo: { type: 'string' } },
});
const seconds = Number(positionals[0] ?? '600');
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const undo = undoNames.find((name) => name === values.undo);
if (!Number.isFinite(seconds) || undo !== values.undo)
  throw new Error(`expected seconds, and behind --undo one of ${undoNames.join(', ')}`);

await setup();
try {
  await drain();
  for (const hasKills of [false, true]) if (!(await blow(hasKills))) process.exitCode = 1;
} finally {
  await teardown();
}

async function drain(): Promise<void> {
  const database = await createTestDatabase();
  try {
    const { jobs, firstMicroseconds, lastMicroseconds } = await drainBesideOldTransaction(
      database.db,
      50_000,
    );
    process.stdout.write(
      `${jobs} jobs beside an old transaction: ${firstMicroseconds} µs each at first, ${lastMicroseconds} µs at last\n`,
    );
    if (jobs < 50_000) process.exitCode = 1;
  } finally {
    await database.drop();
  }
}

async function blow(hasKills: boolean): Promise<boolean> {
  process.stdout.write(`${seconds / 2} s ${hasKills ? 'with' : 'without'} killed backends, seed ${seed}\n`);
  const database = await createTestDatabase();
  try {
    const options = { url: database.url, seconds: seconds / 2, seed, hasKills, undo };
    const { faults, tally, refused } = await runStorm(options);
    process.stdout.write(`${JSON.stringify({ tally, refused }, null, 1)}\n`);
    process.stdout.write(faults.length > 0 ? `FAULTS\n${faults.join('\n')}\n` : 'no fault\n');
    return faults.length === 0;
  } finally {
    await database.drop();
  }
}
