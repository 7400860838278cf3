import type { Actor } from '../contract/actor.ts';
import type { Config } from '../config/config.ts';
import type { ValuesOf } from '../config/setting.ts';
import { createAccounts } from '../domain/accounts/accounts.ts';
import { findActor } from '../domain/accounts/find-actor.ts';
import { createAgain } from '../domain/again/again.ts';
import { createBulk } from '../domain/diary/bulk.ts';
import { createOutputSearch } from '../domain/diary/output-search.ts';
import { createExternalAttempts } from '../domain/elsewhere/external.ts';
import { createImports } from '../domain/elsewhere/imports.ts';
import { createFiles } from '../domain/files/files.ts';
import { createHome } from '../domain/home/home.ts';
import { createJobLife } from '../domain/jobs/job-life.ts';
import { explainFailure } from '../domain/jobs/last-words.ts';
import type { Bell, Jobs } from '../domain/jobs/ports.ts';
import type { LocalWork } from '../domain/jobs/local-ports.ts';
import { createSubmits } from '../domain/jobs/submits.ts';
import { Courier } from '../domain/notifications/courier.ts';
import { createNotifications } from '../domain/notifications/notifications.ts';
import type { Senders } from '../domain/notifications/ports.ts';
import { appendOutput, chunkOutput } from '../domain/output/append.ts';
import { createOutputFinder } from '../domain/output/find/finder.ts';
import type { FindThreads } from '../domain/output/find/threads.ts';
import { createOutputReader } from '../domain/output/reader.ts';
import { createRetention } from '../domain/retention/retention.ts';
import { createScheduleBoard } from '../domain/schedules/board.ts';
import { Runner } from '../domain/schedules/runner.ts';
import { createSchedules } from '../domain/schedules/schedules.ts';
import { createScripts } from '../domain/scripts/scripts.ts';
import type { SecretKey } from '../domain/secrets/ports.ts';
import { createSecrets } from '../domain/secrets/secrets.ts';
import { createWaitingReasons } from '../domain/waiting/waiting.ts';
import { externalKinds, kinds } from '../kinds/list.ts';
import { scriptKind } from '../kinds/script/script.ts';
import type { scriptSettings } from '../kinds/script/settings.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { publicAddress } from './senders.ts';
import type { Stores } from './stores.ts';

export interface DomainsOptions {
  stores: Stores;
  bell: Bell;
  findThreads: FindThreads;
  senders: Senders;
  secretKey: SecretKey;
  clock: Clock;
  logger: Logger;
  /** Jobs run in this process, so that what it sees of the scripts directory is what they see. */
  runsJobs: boolean;
  /** Why nothing more is accepted now; null: it is. */
  obstacle(): string | null;
}

export type Domains = ReturnType<typeof createDomains>;

async function countActiveWorkers({ fleet }: Stores): Promise<number> {
  return (await fleet.workers()).filter(({ state }) => state === 'active').length;
}

/** Then a name that is no script is a program. */
function allowsShell(config: Config): boolean {
  return (config.kinds[scriptKind.name] as ValuesOf<typeof scriptSettings> | undefined)?.allowShell ?? false;
}

/** What Daybook can do, each use case made once. */
export function createDomains(config: Config, options: DomainsOptions) {
  const { stores, bell, findThreads, senders, secretKey, clock, logger, runsJobs, obstacle } = options;
  const { timezone, data, worker } = config;
  const { jobReader: reader, search } = stores;
  const findById = (id: number | null): Promise<Actor | null> => findActor(stores.accounts, id);
  const output = createOutputReader(stores.output);
  const finder = createOutputFinder(stores.output, findThreads);
  const secrets = createSecrets(stores.secrets, secretKey);

  const scripts = createScripts(data.scriptsDirectory, stores.scripts);
  const knowsScripts = runsJobs && !allowsShell(config);

  // A bulk action is a kind of job and acts on jobs that are there; only taking new ones in asks for kinds.
  const here: LocalWork = {};
  const life = createJobLife({ store: stores.jobs, reader, output, bell, here });
  const bulk = createBulk({ search, jobs: life, timezone });
  const submits = createSubmits({
    store: stores.jobs,
    reader,
    files: stores.files,
    secrets,
    kinds,
    bell,
    here,
    defaultTimeoutMs: worker.jobTimeoutMs ?? null,
    jobVariables: worker.jobVariables,
    findMissingScript: async (name) => {
      const missing = knowsScripts ? await scripts.findMissing(name) : null;
      // Another worker may have scripts of its own.
      return missing !== null && (await countActiveWorkers(stores)) <= 1 ? missing : null;
    },
    obstacle,
  });
  const jobs: Jobs = { ...life, ...submits };

  const runner = new Runner({ store: stores.schedules, jobs, findActor: findById });
  const schedules = createSchedules({ store: stores.schedules, jobs, runner, clock });
  const urlOf = (jobId: number): string => `${publicAddress(config)}/jobs/${jobId}`;
  const courier = new Courier({
    store: stores.notifications,
    senders,
    findActor: findById,
    urlOf,
    clock,
    logger,
  });
  return {
    here,
    accounts: createAccounts({ store: stores.accounts }),
    again: createAgain({ jobs, capsules: stores.capsules, scripts, kinds }),
    bulk,
    courier,
    external: createExternalAttempts({
      store: stores.external,
      jobs,
      kinds: externalKinds,
      append: appendOutput,
      bell,
      leaseMs: worker.leaseMs,
    }),
    files: createFiles({ store: stores.files, limitBytes: config.files.limitBytes, obstacle }),
    findActor: findById,
    finder,
    home: createHome(data.homeDirectory, logger),
    imports: createImports({ store: stores.imports, chunk: chunkOutput, explainFailure }),
    jobs,
    kinds,
    notifications: createNotifications({
      store: stores.notifications,
      courier,
      senders,
      search,
      key: secretKey,
      urlOf,
      clock,
      timezone,
    }),
    output,
    outputSearch: createOutputSearch({ search, reader, finder }),
    retention: createRetention({ store: stores.retention, search, clock, timezone }),
    runner,
    scheduleBoard: createScheduleBoard({
      store: stores.schedules,
      schedules,
      scripts: async () => (await scripts.list()).map(({ name }) => name),
      clock,
    }),
    schedules,
    scripts,
    secrets,
    waiting: createWaitingReasons(stores.waiting),
  };
}
