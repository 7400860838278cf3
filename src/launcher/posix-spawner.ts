import { closeSync, fchownSync, openSync, readdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { FdPipe } from './fd-pipe.ts';
import { explainRefusal, explainSystemRefusal } from './find-program.ts';
import { loadLibc, type Libc } from './libc.ts';
import type { StartRefused } from './protocol.ts';
import { toSignalName } from './signals.ts';
import type { Exit, Spawned, Spawner, SpawnRequest } from './spawner.ts';

const O_CLOEXEC = 0x80000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
const PR_SET_CHILD_SUBREAPER = 36;
const P_ALL = 0;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
/** si_pid in siginfo_t on 64-bit Linux, glibc and musl. */
const siPidAt = 16;
/** NGROUPS_MAX of Linux. */
const maxGroups = 65_536;
/** Larger than the opaque structs of any C library we know (glibc: 80 and 336). */
const opaqueBytes = 1024;
/** In which rusage counts what went from and to storage. */
const blockBytes = 512;
/** A program that ends sooner is read once, at its end. Also the longest delay of a program's first output. */
const watchAfterMs = 10;
/** SIGCHLD tells at once; this finds what a lost or merged signal would leave. */
const sweepMs = 500;

export interface PosixSpawnerOptions {
  /**
   * Make orphans of programs children of this process and reap them. Only where nobody else in the process
   * starts children, because theirs would be reaped, too.
   */
  adoptOrphans: boolean;
}

/** Null where the C functions are missing. */
export async function openPosixSpawner(options: PosixSpawnerOptions): Promise<Spawner | null> {
  const libc = await loadLibc();
  if (libc) keepOpenFiles(libc);
  return libc && new PosixSpawner(libc, options);
}

/** What whoever started us had open stays ours: Node looks after the first 16 only. */
function keepOpenFiles(libc: Libc): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) if (fd > 2) libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
}

class PosixSpawner implements Spawner {
  readonly name = 'posix_spawn';
  readonly #libc: Libc;
  readonly #adoptOrphans: boolean;
  readonly #running = new Map<number, (exit: Exit) => void>();
  readonly #devNull = openSync('/dev/null', 'r');
  readonly #attributes = Buffer.alloc(opaqueBytes);
  readonly #actions = Buffer.alloc(opaqueBytes);
  readonly #outEnds = new Int32Array(2);
  readonly #errEnds = new Int32Array(2);
  readonly #inEnds = new Int32Array(2);
  readonly #outputEnds = [this.#outEnds, this.#errEnds];
  readonly #pid = new Int32Array(1);
  readonly #status = new Int32Array(1);
  readonly #usage = Buffer.alloc(256);
  readonly #info = Buffer.alloc(256);
  readonly #reap = (): void => this.#reapEnded();
  #unwatched: { since: number; stdout: FdPipe; stderr: FdPipe }[] = [];
  #watchTimer: NodeJS.Timeout | null = null;
  #sweepTimer: NodeJS.Timeout | null = null;

  constructor(libc: Libc, options: PosixSpawnerOptions) {
    this.#libc = libc;
    this.#adoptOrphans = options.adoptOrphans;
    libc.posix_spawnattr_init(this.#attributes);
    const allSignals = Buffer.alloc(opaqueBytes);
    libc.sigfillset(allSignals);
    // Node ignores SIGPIPE, and ignored signals are inherited. The mask stays empty, as initialised.
    libc.posix_spawnattr_setsigdefault(this.#attributes, allSignals);
    libc.posix_spawnattr_setflags(
      this.#attributes,
      POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK,
    );
    if (options.adoptOrphans) libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    process.on('SIGCHLD', this.#reap);
  }

  spawn(request: SpawnRequest, onExit: (exit: Exit) => void): Spawned | StartRefused {
    const hasStdin = request.stdin !== null;
    const errno = this.#openPipes(hasStdin);
    if (errno !== 0) return explainSystemRefusal(request.path, errno);
    const { 0: outRead = -1, 1: outWrite = -1 } = this.#outEnds;
    const { 0: errRead = -1, 1: errWrite = -1 } = this.#errEnds;
    const { 0: inRead = -1, 1: inWrite = -1 } = this.#inEnds;
    if (request.owner)
      for (const fd of [outWrite, errWrite]) fchownSync(fd, request.owner.uid, request.owner.gid);
    const problem = this.#spawnWith(request, hasStdin ? inRead : this.#devNull, outWrite, errWrite);
    closeSync(outWrite);
    closeSync(errWrite);
    if (hasStdin) closeSync(inRead);
    if (problem !== 0) {
      closeSync(outRead);
      closeSync(errRead);
      if (hasStdin) closeSync(inWrite);
      return explainRefusal(request.path, request.cwd, problem);
    }
    const pid = this.#pid[0] ?? -1;
    this.#running.set(pid, onExit);
    if (request.stdin) feed(inWrite, request.stdin);
    const stdout = new FdPipe(this.#libc, outRead);
    const stderr = new FdPipe(this.#libc, errRead);
    stdout.besides(stderr);
    stderr.besides(stdout);
    this.#watchLater(stdout, stderr);
    this.#sweepTimer ??= setInterval(this.#reap, sweepMs);
    return { pid, stdout, stderr };
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
    process.off('SIGCHLD', this.#reap);
    if (this.#watchTimer) clearTimeout(this.#watchTimer);
    if (this.#sweepTimer) clearInterval(this.#sweepTimer);
    closeSync(this.#devNull);
  }

  /** All or none; the errno. */
  #openPipes(hasStdin: boolean): number {
    const wanted = hasStdin ? [this.#outEnds, this.#errEnds, this.#inEnds] : this.#outputEnds;
    for (let index = 0; index < wanted.length; index += 1) {
      const ends = wanted[index];
      if (!ends || this.#libc.pipe2(ends, O_CLOEXEC) === 0) continue;
      const errno = this.#libc.errno();
      for (const opened of wanted.slice(0, index)) for (const fd of opened) closeSync(fd);
      return errno;
    }
    return 0;
  }

  #spawnWith(request: SpawnRequest, stdin: number, stdout: number, stderr: number): number {
    const libc = this.#libc;
    const actions = this.#actions;
    libc.posix_spawn_file_actions_init(actions);
    libc.posix_spawn_file_actions_adddup2(actions, stdin, 0);
    libc.posix_spawn_file_actions_adddup2(actions, stdout, 1);
    libc.posix_spawn_file_actions_adddup2(actions, stderr, 2);
    libc.posix_spawn_file_actions_addchdir_np(actions, request.cwd);
    const start = (path: string, argv: readonly string[]): number =>
      libc.posix_spawn(this.#pid, path, actions, this.#attributes, [...argv, null], [...request.env, null]);
    let problem = start(request.path, request.argv);
    // A script without `#!`, as execvp and every shell do it.
    if (problem === constants.errno.ENOEXEC)
      problem = start('/bin/sh', ['/bin/sh', request.path, ...request.argv.slice(1)]);
    libc.posix_spawn_file_actions_destroy(actions);
    return problem;
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

  #reapEnded(): void {
    // One call for each ended process, not one for each running program.
    for (;;) {
      this.#info.fill(0);
      if (this.#libc.waitid(P_ALL, 0, this.#info, WEXITED | WNOHANG | WNOWAIT) !== 0) break;
      const pid = this.#info.readInt32LE(siPidAt);
      if (pid === 0) break;
      if (this.#running.has(pid)) this.#reapOne(pid);
      else if (this.#adoptOrphans) this.#libc.wait4(pid, this.#status, WNOHANG, this.#usage);
      else {
        // Somebody else's child stands in front and is not ours to reap.
        for (const known of this.#running.keys()) this.#reapOne(known);
        break;
      }
    }
    if (this.#running.size === 0 && this.#sweepTimer) {
      clearInterval(this.#sweepTimer);
      this.#sweepTimer = null;
    }
  }

  #reapOne(pid: number): void {
    if (this.#libc.wait4(pid, this.#status, WNOHANG, this.#usage) !== pid) return;
    const onExit = this.#running.get(pid);
    this.#running.delete(pid);
    const status = this.#status[0] ?? 0;
    const signal = status & 0x7f;
    onExit?.({
      exitCode: signal === 0 ? (status >> 8) & 0xff : null,
      signal: signal === 0 ? null : toSignalName(signal),
      cpuUserMs: this.#usageMs(0),
      cpuSystemMs: this.#usageMs(16),
      maxRssBytes: knownMaxRss(Number(this.#usage.readBigInt64LE(32)) * 1024),
      readBytes: Number(this.#usage.readBigInt64LE(88)) * blockBytes,
      writtenBytes: Number(this.#usage.readBigInt64LE(96)) * blockBytes,
    });
  }

  /** A timeval of rusage: seconds and microseconds. */
  #usageMs(at: number): number {
    const seconds = Number(this.#usage.readBigInt64LE(at));
    return seconds * 1000 + Number(this.#usage.readBigInt64LE(at + 8)) / 1000;
  }
}

function feed(fd: number, bytes: Uint8Array): void {
  const pipe = new Socket({ fd, readable: false, writable: true });
  // A program need not read its input: EPIPE is its right.
  pipe.on('error', () => pipe.destroy());
  pipe.end(bytes);
}

/**
 * Between vfork and exec the child counts with the launcher's own size, and the kernel keeps that maximum: what is not
 * above it says nothing of the program.
 */
function knownMaxRss(bytes: number): number {
  // It only grows, so what is not above an older figure needs no new one: most programs are smaller than we are.
  if (bytes <= ownMaxRssBytes) return 0;
  ownMaxRssBytes = process.resourceUsage().maxRSS * 1024;
  return bytes > ownMaxRssBytes ? bytes : 0;
}

let ownMaxRssBytes = 0;
