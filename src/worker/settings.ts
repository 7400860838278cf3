import type { Limits } from '../launcher/protocol.ts';
import type { Account } from '../lib/file-access.ts';
import type { ProgramAccount } from '../machine/program-account.ts';

export interface WorkerSettings {
  name: string;
  host: string;
  /** Of Daybook. */
  version: string;
  slots: number;
  queues: readonly string[];
  labels: readonly string[];
  leaseMs: number;
  /** From SIGTERM to SIGKILL. */
  killGraceMs: number;
  /** For jobs that name none of their own. */
  outputLimitBytes: number;
  defaultLimits: Limits;
  defaultNice: number | null;
  /** Fraction of a limit from which on it counts as near; null: never. */
  warnAt: number | null;
  /** Below this much free space for home or data no new work is taken. */
  minFreeBytes: number;
  homeDirectory: string;
  dataDirectory: string;
  /** Where kept texts of scripts are written to be run; only the server writes there. */
  pinnedDirectory: string;
  /** Files kept per attempt, all together. */
  madeFilesLimitBytes: number;
  /** Whom files for programs belong to; null: to us. */
  programIds: Account | null;
  /** Where programs run as somebody else. */
  programUser: { user: string; group: string | null } | null;
  /** Programs of owners with an account have numbers of their own instead; null: none have. */
  ownerIds: ProgramAccount['ownerIds'];
  /** What `WORKER_USER` says to programs. */
  programUserName: string;
  stdoutCopiesDirectory: string | null;
  stderrCopiesDirectory: string | null;
}

/** Who a worker is in the history of its jobs. */
export function actorOf({ name }: Pick<WorkerSettings, 'name'>): string {
  return `worker:${name}`;
}
