import { Rescuer } from '../../src/domain/jobs/rescuer.ts';
import { appendGap } from '../../src/domain/output/gap-chunk.ts';
import { createWorkerStore } from '../../src/adapters/store/fleet/worker-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { indexDueWords } from '../../src/adapters/store/jobs/index-words.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { silentRings } from '../support/product.ts';
import { drawJob } from './people.ts';
import { removeByRule } from './rule.ts';
import { applicationName, type Storm } from './storm.ts';

/** Silent for so long, a worker is given up. */
const leaseMs = 800;

/** What the leader does, and whoever takes its backends away. */
export function house(storm: Storm): Promise<unknown>[] {
  const store = createJobStore(storm.db);
  const rescuer = new Rescuer({
    workers: createWorkerStore(storm.db),
    jobs: {
      lose: async (...lost) => {
        const ended = await store.lose(...lost);
        if (ended) storm.count(`lost: ${ended.state}`);
        return ended;
      },
    },
    bell: silentRings,
    markGap: appendGap,
    clock: systemClock,
    logger: silentLogger,
    leaseMs,
  });
  return [
    storm.repeat(60, async () => storm.count('swept', (await store.sweep(500)).length)),
    storm.repeat(120, async () => {
      const { places, rejected } = await store.settleDependants({ of: null, limit: 200 });
      storm.count('settled to their queue', places.length);
      storm.count('rejected', rejected.length);
      await store.bringBackRetries();
    }),
    storm.repeat(120, () => rescuer.look()),
    storm.repeat(60, async () => storm.count('words', await indexDueWords(storm.db, 200))),
    storm.repeat(20, () => removeOneByRule(storm)),
    ...(storm.options.hasKills === true ? [storm.repeat(130, () => killOne(storm))] : []),
  ];
}

async function removeOneByRule(storm: Storm): Promise<void> {
  const id = drawJob(storm, storm.memory.endedLast, 900);
  if (id !== undefined) await removeByRule(storm, id);
}

/** In the middle of what it does. */
async function killOne(storm: Storm): Promise<void> {
  const killed = await storm.plain.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = $1 and state <> 'idle' order by random() limit 1`,
    [applicationName],
  );
  storm.count('killed', killed.length);
}
