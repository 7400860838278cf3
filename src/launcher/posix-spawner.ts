import { closeSync, openSync, readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { FdPipe } from './fd-pipe.ts';
import { explainRefusal, explainSystemRefusal } from './find-program.ts';
import { loadLibc, type Libc } from './libc.ts';
import type { StartRefused } from './protocol.ts';
import { Reaper } from './reaper.ts';
import { openSpawnPipes, type SpawnPipes } from './spawn-pipes.ts';
import type { Spawner, SpawnListener, SpawnRequest } from './spawner.ts';

const F_SETFD = 2;
const FD_CLOEXEC = 1;
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
/** NGROUPS_MAX of Linux. */
const maxGroups = 65_536;
/** Larger than the opaque structs of any C library we know (glibc: 80 and 336). */
const opaqueBytes = 1024;
/** A program that ends sooner is read once, at its end. Also the longest delay of a program's first output. */
const watchAfterMs = 10;

/**
 * Null where the C functions are missing. It makes orphans of programs children of this process and reaps every child:
 * nobody else in the process may start any that it does not wait for at once.
 */
export async function openPosixSpawner(): Promise<Spawner | null> {
  const libc = await loadLibc();
  if (libc) keepOpenFiles(libc);
  return libc && new PosixSpawner(libc);
}

/** What whoever started us had open stays ours: Node looks after the first 16 only. */
function keepOpenFiles(libc: Libc): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) if (fd > 2) libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/** What one call of posix_spawn reads and writes until it answers. */
interface CallRoom {
  pid: Int32Array;
  actions: Buffer;
}

/** See `openPosixSpawner`. */
export class PosixSpawner implements Spawner {
  readonly name = 'posix_spawn';
  /** As many as libuv has threads, unless it is told otherwise. */
  readonly startsAtOnce = 4;
  readonly #libc: Libc;
  readonly #reaper: Reaper;
  readonly #devNull = openSync('/dev/null', 'r');
  readonly #attributes = Buffer.alloc(opaqueBytes);
  readonly #rooms: CallRoom[] = [];
  #unwatched: { since: number; stdout: FdPipe; stderr: FdPipe }[] = [];
  #watchTimer: NodeJS.Timeout | null = null;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#reaper = new Reaper(libc);
    libc.posix_spawnattr_init(this.#attributes);
    const allSignals = Buffer.alloc(opaqueBytes);
    libc.sigfillset(allSignals);
    // Node ignores SIGPIPE, and ignored signals are inherited. The mask stays empty, as initialised.
    libc.posix_spawnattr_setsigdefault(this.#attributes, allSignals);
    libc.posix_spawnattr_setflags(
      this.#attributes,
      POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK,
    );
  }

  spawn(request: SpawnRequest, listener: SpawnListener): void {
    const pipes = openSpawnPipes(this.#libc, request, this.#devNull);
    if (typeof pipes === 'number') {
      const refusal = explainSystemRefusal(request.path, pipes);
      return queueMicrotask(() => listener.onRefused(refusal));
    }
    const start = this.#reaper.begin();
    const fail = (): void => {
      this.#reaper.failed(start);
      pipes.drop();
    };
    try {
      this.#call(request, pipes, (answer) => {
        if (typeof answer !== 'number') {
          fail();
          return listener.onRefused(answer);
        }
        const exit = this.#reaper.started(start, answer, (later) => listener.onExit(later));
        pipes.handOver();
        listener.onStarted({ pid: answer, ...this.#readers(pipes) }, exit);
      });
    } catch (error) {
      fail();
      throw error;
    }
  }

  groupExists(group: number): boolean {
    return this.#libc.kill(-group, 0) === 0;
  }

  processExists(pid: number): boolean {
    return this.#libc.kill(pid, 0) === 0;
  }

  groupsOf(user: string, gid: number): number[] | null {
    for (let room = 64; room <= maxGroups; room *= 2) {
      const groups = new Uint32Array(room);
      const count = new Int32Array([room]);
      if (this.#libc.getgrouplist(user, gid, groups, count) >= 0) return [...groups.subarray(0, count[0])];
    }
    return null;
  }

  close(): void {
    this.#reaper.close();
    if (this.#watchTimer) clearTimeout(this.#watchTimer);
    closeSync(this.#devNull);
  }

  /** Answers with the pid. */
  #call(request: SpawnRequest, pipes: SpawnPipes, onAnswer: (answer: number | StartRefused) => void): void {
    const libc = this.#libc;
    const room = this.#rooms.pop() ?? { pid: new Int32Array(1), actions: Buffer.alloc(opaqueBytes) };
    const { pid, actions } = room;
    libc.posix_spawn_file_actions_init(actions);
    for (const [number, fd] of pipes.theirs.entries())
      libc.posix_spawn_file_actions_adddup2(actions, fd, number);
    libc.posix_spawn_file_actions_addchdir_np(actions, request.cwd);
    const environment = [...request.env, null];
    const start = (path: string, argv: readonly string[], isScript: boolean): void =>
      libc.posix_spawn(
        pid,
        path,
        actions,
        this.#attributes,
        [...argv, null],
        environment,
        (problem, errno) => {
          // A script without `#!`, as execvp and every shell do it.
          if (errno === constants.errno.ENOEXEC && !isScript)
            return start('/bin/sh', ['/bin/sh', request.path, ...request.argv.slice(1)], true);
          const number = pid[0] ?? -1;
          libc.posix_spawn_file_actions_destroy(actions);
          this.#rooms.push(room);
          if (!problem && errno === 0) return onAnswer(number);
          onAnswer(explainRefusal(request.path, request.cwd, problem ? 0 : errno));
        },
      );
    start(request.path, request.argv, false);
  }

  #readers({ stdout: out, stderr: err }: SpawnPipes): { stdout: FdPipe; stderr: FdPipe } {
    const stdout = new FdPipe(this.#libc, out);
    const stderr = new FdPipe(this.#libc, err);
    stdout.besides(stderr);
    stderr.besides(stdout);
    this.#watchLater(stdout, stderr);
    return { stdout, stderr };
  }

  #watchLater(stdout: FdPipe, stderr: FdPipe): void {
    this.#unwatched.push({ since: performance.now(), stdout, stderr });
    this.#watchTimer ??= setTimeout(() => this.#watchOld(), watchAfterMs);
  }

  #watchOld(): void {
    const oldest = performance.now() - watchAfterMs + 1;
    const firstYoung = this.#unwatched.findIndex((pipes) => pipes.since > oldest);
    const old = this.#unwatched.splice(0, firstYoung < 0 ? this.#unwatched.length : firstYoung);
    for (const { stdout, stderr } of old) {
      stdout.watch();
      stderr.watch();
    }
    const next = this.#unwatched[0];
    this.#watchTimer = next ? setTimeout(() => this.#watchOld(), Math.max(1, next.since - oldest + 1)) : null;
  }
}
