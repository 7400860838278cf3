import { ProgramFence } from './fence.ts';
import type { Leftovers } from './leftovers.ts';
import type { OomKills } from './oom-kills.ts';
import { createStreamMask, type StreamMask } from '../lib/stream-mask.ts';
import { ProgramOutput, type OutputStore } from './output-store.ts';
import { noTerms, ProgramWatch, type WatchEnd } from './program-watch.ts';
import {
  attemptTokenVariable,
  endOfOutputMs,
  leftoverGraceMs,
  streams,
  type EndOnWire,
  type Fence,
  type HeldOnWire,
  type OomKill,
  type ProgramSpec,
  type SignalName,
  type StartTicks,
  type Stream,
  type StreamOffsets,
} from './protocol.ts';
import type { Exit, OutputPipe, Spawned } from './spawner.ts';

export interface ProgramParts {
  store: OutputStore;
  leftovers: Leftovers;
  oomKills: OomKills;
  /** There is output or the end to send. */
  onNews(program: Program): void;
  onMainEnded(program: Program): void;
}

const killRounds = 50;
const killRoundMs = 20;

/** A program: starting → running → ending → ended (see protocol.ts). */
export class Program {
  readonly key: string;
  readonly token: string | null;
  readonly output: ProgramOutput;
  readonly #parts: ProgramParts;
  readonly #outputBase: StreamOffsets | undefined;
  readonly #resume = (): void => this.#resumeReading();
  #pipes: Record<Stream, OutputPipe> | null = null;
  /** Null: nothing is to be hidden. */
  #masks: Record<Stream, StreamMask> | null = null;
  #openPipes = 2;
  #isPaused = false;
  #pid = 0;
  #startedAt = 0;
  #startTicks: StartTicks | null = null;
  #exit: { exit: Exit; at: number } | null = null;
  #leftBehind = 0;
  #isForgotten = false;
  #isCleaned = false;
  #outputTimer: NodeJS.Timeout | null = null;
  #end: EndOnWire | null = null;
  #watch: ProgramWatch | null = null;
  #watchEnd: WatchEnd | null = null;
  #killGraceMs = 0;
  #killTimer: NodeJS.Timeout | null = null;
  #wasAsked = false;
  #wasKilled = false;
  #fence: ProgramFence | null = null;
  /** Sent while it was starting. */
  #heldSignals: SignalName[] = [];
  /** It was forgotten while it was starting. */
  isUnwanted = false;
  /** The end was written to the connected worker. */
  isEndSent = false;

  constructor({ key, env, outputBase }: ProgramSpec, parts: ProgramParts) {
    this.key = key;
    this.token = env[attemptTokenVariable] ?? null;
    this.#parts = parts;
    this.#outputBase = outputBase;
    this.output = new ProgramOutput(parts.store, outputBase);
  }

  /** 0 while it is starting. */
  get pid(): number {
    return this.#pid;
  }

  get isStarting(): boolean {
    return this.#pid === 0;
  }

  get startTicks(): StartTicks | null {
    return this.#startTicks;
  }

  get startedAt(): number {
    return this.#startedAt;
  }

  get end(): EndOnWire | null {
    return this.#end;
  }

  /** Null: it has no limits and has not run for long. */
  get watch(): ProgramWatch | null {
    return this.#watch;
  }

  get isRunning(): boolean {
    return this.#exit === null;
  }

  /** Its fence has asked it to end. */
  get isFenced(): boolean {
    return this.#fence?.hasAsked ?? false;
  }

  get held(): HeldOnWire {
    return {
      key: this.key,
      pid: this.#pid,
      startedAt: this.#startedAt,
      startTicks: this.#startTicks,
      outputBase: this.#outputBase,
      outputStart: this.output.starts,
      outputEnd: this.output.ends,
      ended: this.#end !== null,
    };
  }

  begin(spawned: Spawned, startedAt: number, startTicks: StartTicks | null): void {
    this.#pid = spawned.pid;
    this.#startedAt = startedAt;
    this.#startTicks = startTicks;
    this.#pipes = { stdout: spawned.stdout, stderr: spawned.stderr };
    for (const stream of streams) {
      this.#pipes[stream].read({
        onBytes: (bytes) => this.#onBytes(stream, bytes),
        onEnd: () => this.#onStreamEnd(stream),
      });
    }
  }

  /** After `begin`, unless it has ended already: its number may be anybody's then. */
  sendHeldSignals(): void {
    for (const signal of this.#heldSignals.splice(0)) this.signal(signal);
  }

  /** Before `begin` for a program with limits. */
  limit(watch: ProgramWatch, killGraceMs: number): void {
    this.#watch = watch;
    this.#killGraceMs = killGraceMs;
  }

  /** Before `begin`: hides these texts. */
  hide(texts: readonly string[]): void {
    this.#masks = { stdout: createStreamMask(texts), stderr: createStreamMask(texts) };
  }

  beginWatch(): void {
    this.#watch ??= new ProgramWatch(noTerms, this.#startedAt, null);
  }

  /**
   * A limit was exceeded. Memory and processes endanger everybody on the machine and may grow faster than a program
   * heeds a signal, so they end it at once; `pids` are those of its processes that were seen.
   */
  endForLimit(pids: readonly number[]): void {
    const limit = this.#watch?.exceeded?.limit;
    if (limit === 'memory' || limit === 'processes') {
      this.signal('SIGKILL');
      for (const pid of pids) killQuietly(pid, 'SIGKILL');
      return;
    }
    this.signal('SIGTERM');
    this.#killTimer ??= setTimeout(() => this.signal('SIGKILL'), this.#killGraceMs);
  }

  /** A beat was confirmed: from the first one on it is fenced. */
  confirm(fence: Fence): void {
    if (this.#exit) return;
    this.#fence ??= new ProgramFence({
      onAsk: () => this.signal('SIGTERM'),
      onKill: () => this.signal('SIGKILL'),
    });
    this.#fence.confirm(fence);
  }

  /** To the whole group, once it has one. After the end of the main process the clean-up is at work, and the number is no longer ours. */
  signal(signal: SignalName): void {
    if (this.#exit) return;
    if (this.isStarting) return void this.#heldSignals.push(signal);
    this.#wasAsked = true;
    this.#wasKilled ||= signal === 'SIGKILL';
    killQuietly(-this.#pid, signal);
  }

  mainEnded(exit: Exit): void {
    this.#exit = { exit, at: Date.now() };
    if (this.#killTimer) clearTimeout(this.#killTimer);
    this.#fence?.lift();
    this.#watchEnd = this.#watch?.end(exit) ?? null;
    this.#watch?.cgroup?.kill();
    this.#parts.onMainEnded(this);
    this.#drain();
    if (this.#parts.leftovers.mayExist(this)) {
      void this.#endLeftovers();
    } else {
      this.#isCleaned = true;
      this.#endIfComplete();
    }
  }

  /** Drops all that is kept. */
  forget(): void {
    this.#isForgotten = true;
    if (this.#killTimer) clearTimeout(this.#killTimer);
    this.#fence?.lift();
    this.#watch?.cgroup?.remove();
    this.#parts.store.stopWaiting(this.#resume);
    this.output.forget();
    if (this.#isPaused) this.#resumeReading();
  }

  async #endLeftovers(): Promise<void> {
    const { leftovers } = this.#parts;
    // What a fenced program leaves behind has had its time as well.
    const graceUntil = performance.now() + (this.isFenced ? 0 : leftoverGraceMs);
    let found = leftovers.list(this);
    while (found.length > 0 && performance.now() < graceUntil) {
      await shortDelay(killRoundMs);
      found = leftovers.list(this);
    }
    const killed = new Set<number>();
    // In rounds, because the children of what is killed become ours only then.
    for (let round = 0; found.length > 0 && round < killRounds; round += 1) {
      for (const pid of found) {
        killed.add(pid);
        killQuietly(pid, 'SIGKILL');
      }
      await shortDelay(round === 0 ? 1 : killRoundMs);
      found = leftovers.list(this);
    }
    this.#leftBehind = killed.size;
    this.#isCleaned = true;
    this.#drain();
    this.#endIfComplete();
  }

  #drain(): void {
    this.#pipes?.stdout.drain();
    this.#pipes?.stderr.drain();
  }

  #onBytes(stream: Stream, bytes: Uint8Array): void {
    this.#keep(stream, this.#masks ? this.#masks[stream].push(bytes) : bytes);
  }

  #keep(stream: Stream, bytes: Uint8Array): void {
    if (this.#isForgotten || bytes.length === 0) return;
    if (!this.output.append(stream, bytes, Date.now())) this.#pauseReading();
    this.#parts.onNews(this);
  }

  #onStreamEnd(stream: Stream): void {
    if (this.#masks) this.#keep(stream, this.#masks[stream].end());
    this.#openPipes -= 1;
    this.#endIfComplete();
  }

  #pauseReading(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#pipes?.stdout.pause();
    this.#pipes?.stderr.pause();
    this.#stopOutputTimer();
    this.#parts.store.whenRoom(this.#resume);
  }

  #resumeReading(): void {
    this.#isPaused = false;
    this.#pipes?.stdout.resume();
    this.#pipes?.stderr.resume();
    if (!this.#exit) return;
    this.#drain();
    this.#endIfComplete();
  }

  #endIfComplete(): void {
    if (!this.#exit || !this.#isCleaned || this.#end) return;
    if (this.#openPipes > 0) {
      // A stranger may hold the pipe for ever. While we are the ones who do not read, the time does not run.
      if (!this.#isPaused) this.#outputTimer ??= setTimeout(() => this.#closePipes(), endOfOutputMs);
      return;
    }
    this.#stopOutputTimer();
    this.#parts.store.stopWaiting(this.#resume);
    const { exit, at } = this.#exit;
    const watched = this.#watchEnd;
    const cpuMs = exit.cpuUserMs + exit.cpuSystemMs;
    // Written out: a spread costs as much as ten of these.
    this.#end = {
      exitCode: exit.exitCode,
      signal: exit.signal,
      endedAt: at,
      // Of what nobody waited for only the sum is known.
      cpuUserMs: exit.cpuUserMs + Math.max(0, (watched?.cpuMs ?? 0) - cpuMs),
      cpuSystemMs: exit.cpuSystemMs,
      maxRssBytes: Math.max(exit.maxRssBytes, watched?.peakMemoryBytes ?? 0),
      readBytes: watched ? watched.readBytes : exit.readBytes,
      writtenBytes: watched ? watched.writtenBytes : exit.writtenBytes,
      exceeded: watched?.exceeded ?? null,
      oomKill: watched?.oomKill ?? this.#oomKill(exit),
      wasAsked: this.#wasAsked,
      wasKilled: this.#wasKilled,
      wasFenced: this.isFenced,
      leftBehind: this.#leftBehind,
      endedBytes: this.output.ends,
    };
    this.#pipes = null;
    this.#parts.onNews(this);
  }

  #oomKill({ signal }: Exit): OomKill | null {
    if (signal !== 'SIGKILL' || this.#wasKilled) return null;
    return this.#parts.oomKills.roseSince() ? 'machine' : null;
  }

  #closePipes(): void {
    this.#outputTimer = null;
    this.#drain();
    // The budget ran out just now: what is in the pipe is not to be thrown away for that.
    if (this.#isPaused) return;
    this.#pipes?.stdout.close();
    this.#pipes?.stderr.close();
  }

  #stopOutputTimer(): void {
    if (this.#outputTimer) clearTimeout(this.#outputTimer);
    this.#outputTimer = null;
  }
}

function killQuietly(pid: number, signal: SignalName): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ended meanwhile
  }
}

/** Keeps the process alive, unlike lib/delay. */
function shortDelay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
