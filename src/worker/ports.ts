import type {
  HeldProgram,
  Limits,
  OutputFrame,
  ProgramEnd,
  ProgramNews,
  ProgramSpec,
  ProgramStarted,
  SignalName,
  StartRefused,
  StreamOffsets,
} from '../launcher/protocol.ts';
import type { Account } from '../lib/file-access.ts';
import type { Service } from '../lib/service.ts';

export interface ProgramListener {
  onOutput(frame: OutputFrame): void;
  /** Limits that came near, and samples of its use; everything once more after an attach. */
  onWatched(news: ProgramNews): void;
  onEnd(end: ProgramEnd): void;
  /** The launcher died, or does not know the program. */
  onLost(reason: string): void;
}

/** What a worker needs from its launcher. */
export interface ProgramLauncher extends Service {
  /** After the start: programs that ran on while no worker was there. */
  readonly held: readonly HeldProgram[];
  /** Keys that an earlier launcher started and that died with it. */
  readonly startedBefore: readonly string[];
  /** False during an outage. */
  readonly isUp: boolean;
  launch(spec: ProgramSpec, listener: ProgramListener): Promise<ProgramStarted | StartRefused>;
  /** Sends everything from these offsets on once more, then what comes, then the end. */
  attach(key: string, from: StreamOffsets, listener: ProgramListener): void;
  signal(key: string, signal: SignalName): void;
  committed(key: string, upTo: StreamOffsets): void;
  forget(key: string): void;
}

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
  /** What `WORKER_USER` says to programs. */
  programUserName: string;
  stdoutCopiesDirectory: string | null;
  stderrCopiesDirectory: string | null;
}
