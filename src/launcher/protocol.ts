/**
 * How a worker and its launcher talk.
 *
 * The launcher is a process of its own, so that programs and what they print survive a killed or restarted
 * worker. It listens on one Unix socket and serves one worker at a time: a new connection replaces the old one,
 * which may be half-open. Both sides say hello first; a worker of another `protocolVersion` gets no service.
 *
 * A program is known by its key, which names one attempt and is used once:
 *
 *     (unknown) ──launch──▶ starting ──▶ running ──▶ ending ──▶ ended ──forget──▶ (unknown)
 *                              └─▶ refused: as if never launched
 *
 * - *starting*: the journal has the key before the program exists. A second launch of a key that is held or in
 *   the journal is rejected, so no key runs twice, whatever was lost on the way. Many are started at once, on other
 *   threads (`starts.ts`, `reaper.ts`): signals wait until its pid is known, and so does the hello of a next worker, since
 *   what it hears of is all that it will take up.
 * - *running*: output is cut into frames with offset and time. Frames are kept until `committed` covers them
 *   (memory, then the spill file, then the pipe fills up and the program waits).
 * - *ending*: the main process is reaped. What it left behind gets `leftoverGraceMs`, then SIGKILL; then the
 *   pipes are read to their end, at most `endOfOutputMs` when a stranger holds them.
 * - *ended*: `end` follows the last frame. All is kept until `forget`.
 *
 * At most `sendWindowBytes` of one program are under way uncommitted, so that a worker with a slow database
 * does not collect what the launcher holds better.
 *
 * A program that could be started a second time is *fenced* (`fence.ts`): the worker passes on when the newest beat that
 * the database confirmed was sent, and without one for most of a lease the launcher ends the program by itself. It knows
 * nothing of databases and opens no network for that.
 *
 * The worker dies: nothing else changes; output collects. The next worker reads `held` in the hello and attaches
 * with its committed offsets. The launcher dies: its pipes are gone, programs get SIGPIPE or end with their
 * group: the worker and the next launcher (from the journal) both end what is left, by pid *and* start time.
 * Its keys come back as `startedBefore` until they are forgotten.
 *
 * After an upgrade a worker speaks `olderVersions` as well with a launcher that still holds programs, and replaces it
 * once it holds none. What is new is left out then: fences since version 3; since version 4 the groups of programs that
 * run under a number of their owner's, and what such programs share and cannot see (`separation.ts`). The same holds of a
 * launcher that was started before its server was told to keep owners apart, or to let them share an account.
 */

export const protocolVersion = 5;
/** A launcher of these versions takes every message of ours; of `confirmed` and `groupsOf` it passes over what it lacks. */
export const olderVersions: readonly number[] = [3, 4];
export const frameBytes = 128 * 1024;
export const sendWindowBytes = 8 * 1024 * 1024;
/** Long enough for a `tee` or logger in the background to write its last line, too short to be work. */
export const leftoverGraceMs = 100;
export const endOfOutputMs = 1_000;
/** The variable by which a process that left its session is still recognised. */
export const attemptTokenVariable = 'DAYBOOK_ATTEMPT_TOKEN';

/** As in the contract, which the launcher does not import. */
export const streams = ['stdout', 'stderr'] as const;
export type Stream = (typeof streams)[number];

export interface StreamOffsets {
  stdout: number;
  stderr: number;
}

/** Of all processes of a program together, except `openFiles`, which counts for each. */
export interface Limits {
  /** Resident, shared pages counted once. */
  memoryBytes?: number;
  /** User and system time. */
  cpuSeconds?: number;
  processes?: number;
  openFiles?: number;
}

export interface Isolation {
  /** A name, or a number that needs no entry in the user database. Null: as the launcher itself. */
  user: string | null;
  /** Null: the user's primary group; for a number without an entry, the group of the same number. */
  group: string | null;
  /** Whose other groups it has, a name or a number; null: those of `user`. */
  groupsOf: string | null;
  limits: Limits;
  /** Fraction of a limit from which on it is told to be near; null: never. */
  warnAt: number | null;
  /** Added to the launcher's own niceness. */
  nice: number | null;
  /** Between SIGTERM and SIGKILL when a limit ends the program. */
  killGraceMs: number;
}

/** Of a launcher whose programs run as several accounts, which share home and do not see each other. */
export interface Separation {
  /** Why programs see the processes of others nevertheless; null: they do not. */
  whyShown: string | null;
}

export type WatchedLimit = 'memory' | 'cpu' | 'processes' | 'open-files';

/** A limit that came near or was exceeded. `value` and `max` in bytes, seconds, or as a count. */
export interface LimitHit {
  limit: WatchedLimit;
  value: number;
  max: number;
  /** Milliseconds of the wall clock. */
  at: number;
}

/** What all processes of a program used up to a moment. */
export interface UsageSample {
  /** Since the start. */
  atMs: number;
  cpuMs: number;
  memoryBytes: number;
  /** From and to storage; null where the system does not tell. */
  readBytes: number | null;
  writtenBytes: number | null;
}

/** What a watch found since it told last. */
export interface ProgramNews {
  near: LimitHit[];
  /** Number of the first of the samples. */
  firstSample: number;
  samples: UsageSample[];
}

/** Who ended a program by a SIGKILL that no launcher or worker sent, as far as the kernel's counters tell. */
export type OomKill = 'program' | 'machine';

/** A beat that the database confirmed. */
export interface Fence {
  /** When it was sent, by the machine's monotonic clock (`machineMs`). */
  sentMs: number;
  leaseMs: number;
}

export interface ProgramSpec {
  /** Unique per attempt. */
  key: string;
  /** A path (relative ones from `cwd`), or a bare name looked up on PATH of `env`. */
  file: string;
  args: string[];
  /** The whole environment. */
  env: Record<string, string>;
  cwd: string;
  /** Null: /dev/null. */
  stdin: Uint8Array | null;
  isolation: Isolation | null;
  /** Where its output is numbered from: behind what others printed in its place before. By default 0. */
  outputBase?: StreamOffsets;
  /** Without one it is never started a second time, and outlives a worker that does not come back. */
  fence?: Fence;
  /** Texts that are replaced by as many `*` in what it prints, before anything of it is kept or sent. */
  masks: string[];
}

/** Bounds of a process's start, in kernel clock ticks since boot: with the pid, the name of a process. */
export type StartTicks = readonly [from: number, to: number];

export interface ProgramStarted {
  pid: number;
  startedAt: Date;
}

/** As a shell would: 127 when there is no such program, 126 when there is one that cannot be run. */
export interface StartRefused {
  exitCode: 126 | 127;
  message: string;
  /** It was not begun because its fence would have ended it at once. */
  isTooLate?: boolean;
}

export interface OutputFrame {
  stream: Stream;
  /** Of the first byte, per stream, from `outputBase` on. */
  offset: number;
  at: Date;
  bytes: Uint8Array;
}

export interface ProgramEnd {
  exitCode: number | null;
  signal: string | null;
  /** When the main process was seen ended; the last output may be later. */
  endedAt: Date;
  /** The main process and the children it waited for. 0 without posix_spawn. */
  cpuUserMs: number;
  cpuSystemMs: number;
  /**
   * Largest resident size of all its processes together, where it was looked at while it ran, else of the largest one;
   * 0 when that stayed below the launcher's own (some 60 MB), which hides it.
   */
  maxRssBytes: number;
  /** From and to storage; null where the system does not tell. */
  readBytes: number | null;
  writtenBytes: number | null;
  /** The limit that ended it, or that it ended above. */
  exceeded: LimitHit | null;
  /** Of a SIGKILL that nobody here sent: whether the kernel's OOM killer may have. */
  oomKill: OomKill | null;
  /** SIGKILL was sent by launcher or worker. */
  wasKilled: boolean;
  /** Worker or launcher asked it to end while it ran; nothing from a launcher of an earlier version. */
  wasAsked?: boolean | undefined;
  /** It was ended by its fence; nothing from a launcher of an earlier version. */
  wasFenced?: boolean | undefined;
  /** Processes ended because they outlived the main one. */
  leftBehind: number;
  endedBytes: StreamOffsets;
}

export interface HeldProgram {
  key: string;
  pid: number;
  startedAt: Date;
  /** As it was launched with; nothing from a launcher of an earlier version. */
  outputBase?: StreamOffsets | undefined;
  /** The last start of a stream's kept bytes that can be attached from; earlier ones were committed. */
  outputStart: StreamOffsets;
  outputEnd: StreamOffsets;
  ended: boolean;
}

/** Dates travel as milliseconds. */
export interface HeldOnWire extends Omit<HeldProgram, 'startedAt'> {
  startedAt: number;
  startTicks: StartTicks | null;
}

export interface EndOnWire extends Omit<ProgramEnd, 'endedAt'> {
  endedAt: number;
}

export type SignalName = NodeJS.Signals;

/** The bytes of `launch` are the program's standard input, if `hasStdin`; in the head `stdin` is null. */
export type ToLauncher =
  | { type: 'hello'; version: number }
  | { type: 'launch'; spec: ProgramSpec; hasStdin: boolean }
  | { type: 'attach'; key: string; from: StreamOffsets }
  | { type: 'signal'; key: string; signal: SignalName }
  | { type: 'committed'; key: string; upTo: StreamOffsets }
  /** These are fenced, from now on if they were not before. */
  | { type: 'confirmed'; fence: Fence; keys: string[] }
  | { type: 'forget'; key: string };

/**
 * The bytes of `output` are what was printed. `watched` tells what is new: limits that came near, and samples, the first
 * of which has the number `firstSample`. After an attach it tells everything once more.
 */
export type ToWorker =
  | {
      type: 'hello';
      version: number;
      /** Drawn at each start of a launcher: tells a reconnection from a new launcher. */
      life: string;
      pid: number;
      held: HeldOnWire[];
      startedBefore: string[];
      /** Null: its programs run as one account. Nothing from a launcher of an earlier version. */
      separation?: Separation | null;
    }
  | { type: 'started'; key: string; pid: number; startedAt: number; startTicks: StartTicks | null }
  | ({ type: 'refused'; key: string } & StartRefused)
  | { type: 'rejected'; key: string; message: string }
  | { type: 'output'; key: string; stream: Stream; offset: number; at: number }
  | ({ type: 'watched'; key: string } & ProgramNews)
  | { type: 'end'; key: string; end: EndOnWire }
  | { type: 'unknown'; key: string }
  | { type: 'replaced' };
