import type { StartRefused } from './protocol.ts';

/** What starts programs and waits for them. Two implementations pass the same tests. */
export interface Spawner {
  readonly name: 'posix_spawn' | 'child_process';
  /** More of them under way gain nothing. */
  readonly startsAtOnce: number;
  /** Tells the listener after it has returned: `onRefused`, or `onStarted` and then `onExit`, each once. */
  spawn(request: SpawnRequest, listener: SpawnListener): void;
  /** Zombies exist, too. */
  groupExists(group: number): boolean;
  processExists(pid: number): boolean;
  /** The numbers of all groups of that user, `gid` among them; null where they cannot be told. */
  groupsOf(user: string, gid: number): number[] | null;
  close(): void;
}

export interface SpawnListener {
  /** @param exit null: it runs. Else it has ended already, its number is free again, and no `onExit` follows. */
  onStarted(spawned: Spawned, exit: Exit | null): void;
  onRefused(refusal: StartRefused): void;
  onExit(exit: Exit): void;
}

export interface SpawnRequest {
  /** A path; relative ones count from `cwd`. */
  path: string;
  /** With argv[0]. */
  argv: readonly string[];
  /** `NAME=value`. */
  env: readonly string[];
  cwd: string;
  stdin: Uint8Array | null;
  /** Who the program becomes, when that is somebody else: they must be able to open /dev/stdout and /dev/stderr. */
  owner: { uid: number; gid: number } | null;
}

/** The program leads a session and a group of its own, both numbered like its pid. */
export interface Spawned {
  pid: number;
  stdout: OutputPipe;
  stderr: OutputPipe;
}

export interface PipeSink {
  /** The bytes are overwritten after the call. */
  onBytes(bytes: Uint8Array): void;
  /** Once, at the end of the pipe or after `close`. */
  onEnd(): void;
}

/** The reading end of a program's stdout or stderr. Reads nothing before `read`. */
export interface OutputPipe {
  read(sink: PipeSink): void;
  /** Takes at once what is in the pipe, as far as the implementation can. */
  drain(): void;
  pause(): void;
  resume(): void;
  close(): void;
}

export interface Exit {
  exitCode: number | null;
  signal: string | null;
  cpuUserMs: number;
  cpuSystemMs: number;
  maxRssBytes: number;
  /** From and to storage; null where the system does not tell. */
  readBytes: number | null;
  writtenBytes: number | null;
}
