import type { Logger as PinoLogger } from 'pino';
import type { Registry } from 'prom-client';
import type { Files, FileStore } from '../domain/files/ports.ts';
import type { WorkerStore } from '../domain/fleet/ports.ts';
import type { Jobs, JobStore } from '../domain/jobs/ports.ts';
import type { OutputStore } from '../domain/output/ports.ts';
import type { listKinds } from '../kinds/list.ts';
import type { Metrics } from '../domain/metrics/ports.ts';
import type { ProgramAccount } from '../machine/program-account.ts';
import type { NotifyRings } from '../adapters/queue/notify.ts';
import type { Notifications } from '../domain/notifications/ports.ts';
import type { ScheduleStore } from '../domain/schedules/ports.ts';
import type { Runner } from '../domain/schedules/runner.ts';
import type { SecretKey, SecretStore } from '../domain/secrets/ports.ts';
import type { Connection, Database } from '../adapters/store/database.ts';
import type { createJobStore } from '../adapters/store/job-store.ts';
import type { Bulk } from '../domain/diary/ports.ts';
import type { createOutputStore } from '../adapters/store/output-store.ts';

export type ServerRole = 'web' | 'worker';

export interface ServeOptions {
  roles: readonly ServerRole[];
  /** At the stop wait for what runs, instead of leaving it to the launcher. */
  drain: boolean;
  /** Stands between a store and everybody else; for tests that have to fail at a chosen place. */
  decorate?: {
    jobStore(store: JobStore): JobStore;
    outputStore(store: OutputStore): OutputStore;
  };
}

export interface StartContext extends ServeOptions {
  logger: PinoLogger;
  registry: Registry;
  metrics: Metrics;
  account: ProgramAccount;
}

export interface BuildContext extends StartContext {
  db: Database;
  connection: Connection;
}

/** What all roles share. */
export interface Core extends BuildContext {
  store: ReturnType<typeof createJobStore>;
  workers: WorkerStore;
  outputStore: ReturnType<typeof createOutputStore>;
  kinds: ReturnType<typeof listKinds>;
  secretStore: SecretStore;
  secretKey: SecretKey;
  rings: NotifyRings;
  jobs: Jobs;
  bulk: Bulk;
  scheduleStore: ScheduleStore;
  scheduleRunner: Runner;
  notifications: Notifications;
  files: Files;
  fileStore: FileStore;
}
