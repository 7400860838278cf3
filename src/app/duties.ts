import { systemActor } from '../contract/actor.ts';
import { WordsKeeper } from '../domain/diary/words-keeper.ts';
import { Housekeeper } from '../domain/jobs/housekeeper.ts';
import { Rescuer } from '../domain/jobs/rescuer.ts';
import { Watcher } from '../domain/notifications/watcher.ts';
import { appendGap } from '../domain/output/gap-chunk.ts';
import { RetentionKeeper } from '../domain/retention/keeper.ts';
import { Scheduler } from '../domain/schedules/scheduler.ts';
import { freeBytes } from '../lib/free-space.ts';
import type { Duty } from '../lib/service.ts';
import type { Product } from './product.ts';

/** What one process does in the background for all. */
export function listDuties({ config, stores, domains, rings: bell, clock, logger }: Product): Duty[] {
  const { timezone, worker, data } = config;
  const { search } = stores;
  return [
    new Rescuer({
      workers: stores.workers,
      jobs: stores.jobs,
      bell,
      markGap: appendGap,
      clock,
      logger,
      leaseMs: worker.leaseMs,
    }),
    new Housekeeper({ store: stores.jobs, output: stores.output, files: stores.files, bell, logger }),
    new WordsKeeper(stores.words, logger),
    new RetentionKeeper({
      store: stores.retention,
      search,
      audit: stores.audit,
      bell,
      clock,
      timezone,
      logger,
    }),
    new Scheduler({
      store: stores.schedules,
      runner: domains.runner,
      clock,
      graceMs: config.schedules.graceMs,
      logger,
    }),
    new Watcher({
      store: stores.notifications,
      feed: stores.jobReader,
      search,
      usualTimes: stores.usualTimes,
      system: systemActor('notifications'),
      findActor: domains.findActor,
      freeBytes: () => freeBytes(data.directory),
      clock,
      timezone,
      logger,
    }),
    domains.courier,
  ];
}
