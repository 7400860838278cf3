import type { AttemptState, FailureReason, JobState } from '../../contract/states.ts';

/** What the parts of this process report when it happens. Every method is cheap and never throws. */
export interface Metrics {
  submitted(jobs: number): void;
  /** One claim, with the wait of each job it brought; null where it is not known. */
  claimed(jobs: readonly { kind: string; seconds: number | null }[]): void;
  attemptEnded(attempt: {
    kind: string;
    state: AttemptState;
    reason: FailureReason | null;
    seconds: number;
  }): void;
  /** A job came to its end, whichever attempt it was. */
  jobEnded(job: { kind: string; state: JobState; reason: FailureReason | null }): void;
  lateResult(): void;
  /** A worker was given up. */
  rescued(): void;
  outputStored(write: { bytes: number; seconds: number }): void;
  outputRefused(): void;
  statementFailed(code: string): void;
  requestServed(request: { method: string; route: string; status: number; seconds: number }): void;
}

/** Everything a scrape shows, as Prometheus text. Never rejects, and answers within a few seconds. */
export interface MetricsReport {
  contentType: string;
  text(): Promise<string>;
}

/** What the database alone knows, at one moment. */
export interface Figures {
  /** Jobs that have not ended, by queue. */
  jobs: readonly { queue: string; state: JobState; count: number; oldestSeconds: number }[];
  workers: readonly {
    name: string;
    state: 'active' | 'stopped' | 'silent';
    slots: number;
    running: number;
    silentSeconds: number;
  }[];
  databaseBytes: number;
  connections: number;
  oldestTransactionSeconds: number;
  /** Transactions since the oldest row that was never frozen; PostgreSQL stops at two thousand million. */
  transactionAge: number;
}

export interface GaugeReader {
  /** @throws when the database does not answer in time */
  read(): Promise<Figures>;
}

/** What this process knows about itself. */
export interface ProcessFigures {
  connections: { used: number; idle: number; waiting: number };
  /** Null in a process without a worker. */
  worker: { slots: number; running: number; launcherIsUp: boolean } | null;
}
