import { setImmediate as nextTurn } from 'node:timers/promises';
import { backoffMs, type Backoff } from '../../lib/backoff.ts';
import { delay } from '../../lib/delay.ts';
import type { Logger } from '../../lib/logger.ts';
import { isSameProcess } from '../proc.ts';
import type {
  Fence,
  HeldOnWire,
  HeldProgram,
  ProgramSpec,
  ProgramStarted,
  SignalName,
  StartRefused,
  StartTicks,
  StreamOffsets,
  ToLauncher,
  ToWorker,
} from '../protocol.ts';
import { connectToLauncher, isCurrent, type LauncherLink } from './link.ts';
import type { ProgramLauncher, ProgramListener } from './ports.ts';
import { startLauncher, type LauncherProcessOptions } from './process.ts';

export interface LauncherClientOptions extends LauncherProcessOptions {
  logger: Logger;
}

interface Tracked {
  listener: ProgramListener;
  pid: number | null;
  startTicks: StartTicks | null;
  /** The next byte expected, to go on from there after a reconnection. */
  next: StreamOffsets;
  launching: PromiseWithResolvers<ProgramStarted | StartRefused> | null;
}

interface Unsent {
  message: ToLauncher;
  bytes: Uint8Array | undefined;
}

const restartBackoff: Backoff = { initialMs: 50, factor: 2, maxMs: 10_000 };

/**
 * The worker's side of the launcher (see ../launcher/protocol.ts): starts one when nobody answers in its folder,
 * otherwise goes on with what is there. Stopping leaves the launcher and its programs alone.
 *
 * The connection breaks: what is said meanwhile waits. The same launcher answers again: programs go on from the
 * byte last received. Another one answers, or none: all programs are lost, their groups are ended, and a launch
 * that was under way is rejected, never sent again, since the program may have run.
 *
 * A launcher of an earlier version (after an upgrade), or of another setting, is left in its place for as long as it
 * holds programs.
 */
export class LauncherClient implements ProgramLauncher {
  readonly name = 'launcher-client';
  readonly #options: LauncherClientOptions;
  readonly #stopping = new AbortController();
  readonly #programs = new Map<string, Tracked>();
  #link: LauncherLink | null = null;
  #unsent: Unsent[] = [];
  #held: readonly HeldOnWire[] = [];
  #startedBefore: readonly string[] = [];
  #recovery: Promise<void> = Promise.resolve();

  constructor(options: LauncherClientOptions) {
    this.#options = options;
  }

  get held(): readonly HeldProgram[] {
    return this.#held.map(({ startedAt, ...program }) => ({ ...program, startedAt: new Date(startedAt) }));
  }

  get startedBefore(): readonly string[] {
    return this.#startedBefore;
  }

  get isUp(): boolean {
    return this.#link !== null;
  }

  /** Null during an outage. */
  get launcherPid(): number | null {
    return this.#link?.hello.pid ?? null;
  }

  /** @throws when no launcher can be started, or one of another version still holds programs */
  async start(): Promise<void> {
    this.#use(await this.#connectOrStart());
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#recovery;
    const link = this.#link;
    this.#link = null;
    // Calls made in this turn are still to be written.
    await nextTurn();
    link?.close();
    for (const { launching } of this.#programs.values())
      launching?.reject(new Error('The worker stopped before the launcher answered.'));
    this.#programs.clear();
  }

  launch(spec: ProgramSpec, listener: ProgramListener): Promise<ProgramStarted | StartRefused> {
    if (this.#stopping.signal.aborted) return Promise.reject(new Error('The launcher client is stopped.'));
    if (this.#programs.has(spec.key))
      return Promise.reject(new Error(`The key ${spec.key} was launched before.`));
    const launching = Promise.withResolvers<ProgramStarted | StartRefused>();
    this.#programs.set(spec.key, {
      listener,
      pid: null,
      startTicks: null,
      next: { ...(spec.outputBase ?? { stdout: 0, stderr: 0 }) },
      launching,
    });
    const { stdin } = spec;
    const message = { type: 'launch', spec: { ...spec, stdin: null }, hasStdin: stdin !== null } as const;
    this.#send(message, stdin ?? undefined);
    return launching.promise;
  }

  attach(key: string, from: StreamOffsets, listener: ProgramListener): void {
    const held = this.#held.find((program) => program.key === key);
    this.#programs.set(key, {
      listener,
      pid: held?.pid ?? null,
      startTicks: held?.startTicks ?? null,
      next: { ...from },
      launching: null,
    });
    this.#send({ type: 'attach', key, from });
  }

  signal(key: string, signal: SignalName): void {
    this.#send({ type: 'signal', key, signal });
  }

  committed(key: string, upTo: StreamOffsets): void {
    this.#send({ type: 'committed', key, upTo });
  }

  confirm(fence: Fence, keys: readonly string[]): void {
    // Nobody to hear it: by the time there is, a newer one counts.
    if (keys.length > 0) this.#link?.send({ type: 'confirmed', fence, keys: [...keys] });
  }

  forget(key: string): void {
    this.#programs.delete(key);
    // Nobody waits for it, and the next start wakes the launcher anyway.
    if (this.#link) this.#link.sendLater({ type: 'forget', key });
    else this.#send({ type: 'forget', key });
    this.#held = this.#held.filter((program) => program.key !== key);
    // Answered by `unknown`, once it has truly forgotten.
    if (this.#isOldAndIdle) this.#send({ type: 'attach', key, from: { stdout: 0, stderr: 0 } });
  }

  #send(message: ToLauncher, bytes?: Uint8Array): void {
    if (this.#link) this.#link.send(message, bytes);
    else if (!this.#stopping.signal.aborted) this.#unsent.push({ message, bytes });
  }

  get #isOldAndIdle(): boolean {
    return this.#link !== null && this.#isOld(this.#link) && this.#programs.size + this.#held.length === 0;
  }

  get #separatesOwners(): boolean {
    return this.#options.launcherOptions?.separatesOwners ?? false;
  }

  #isOld({ hello }: LauncherLink): boolean {
    return !isCurrent(hello, this.#separatesOwners);
  }

  /** Whoever connects to an idle launcher of an earlier version sends it away. What is said meanwhile waits. */
  #replaceOld(): void {
    const link = this.#link;
    this.#link = null;
    link?.close();
    if (link) this.#recovery = this.#recover(link.hello.life);
  }

  async #connectOrStart(): Promise<LauncherLink> {
    return (await this.#connect()) ?? (await startLauncher(this.#options));
  }

  #connect(): Promise<LauncherLink | null> {
    return connectToLauncher(this.#options.folder, this.#separatesOwners);
  }

  #use(link: LauncherLink): void {
    this.#link = link;
    this.#held = link.hello.held;
    const { version, separation } = link.hello;
    if (this.#isOld(link)) this.#options.logger.warn({ version }, oldLauncher);
    if (separation?.whyShown) this.#options.logger.info({ reason: separation.whyShown }, shownProcesses);
    this.#startedBefore = link.hello.startedBefore;
    const unsent = this.#unsent;
    this.#unsent = [];
    for (const { message, bytes } of unsent) link.send(message, bytes);
    link.listen({
      onMessage: (message, bytes) => this.#receive(message, bytes),
      onClose: () => {
        if (this.#link !== link) return;
        this.#link = null;
        if (!this.#stopping.signal.aborted) this.#recovery = this.#recover(link.hello.life);
      },
    });
  }

  #receive(message: ToWorker, bytes: Buffer): void {
    switch (message.type) {
      case 'hello':
        return;
      case 'started':
        return this.#onStarted(message.key, message.pid, message.startedAt, message.startTicks);
      case 'refused': {
        const { type: _type, key, ...refusal } = message;
        return this.#take(key)?.launching?.resolve(refusal);
      }
      case 'rejected':
        return this.#take(message.key)?.launching?.reject(new Error(message.message));
      case 'output': {
        const { key, stream, offset, at } = message;
        const program = this.#programs.get(key);
        if (!program) return;
        program.next[stream] = offset + bytes.length;
        return program.listener.onOutput({ stream, offset, at: new Date(at), bytes });
      }
      case 'watched': {
        const { key, near, firstSample, samples } = message;
        return this.#programs.get(key)?.listener.onWatched({ near, firstSample, samples });
      }
      case 'end': {
        const { endedAt, ...end } = message.end;
        return this.#take(message.key)?.listener.onEnd({ ...end, endedAt: new Date(endedAt) });
      }
      case 'unknown':
        this.#take(message.key)?.listener.onLost('The launcher does not know the program.');
        if (this.#isOldAndIdle) this.#replaceOld();
        return;
      case 'replaced':
        this.#options.logger.error({}, 'Another process took over the launcher of this worker.');
        return this.#loseAll('Another process took over the launcher.');
    }
  }

  #onStarted(key: string, pid: number, startedAt: number, startTicks: StartTicks | null): void {
    const program = this.#programs.get(key);
    if (!program) return;
    program.pid = pid;
    program.startTicks = startTicks;
    program.launching?.resolve({ pid, startedAt: new Date(startedAt) });
    program.launching = null;
  }

  #take(key: string): Tracked | undefined {
    const program = this.#programs.get(key);
    this.#programs.delete(key);
    return program;
  }

  async #recover(life: string): Promise<void> {
    const { logger } = this.#options;
    const { signal } = this.#stopping;
    for (let tryNumber = 1; !signal.aborted; tryNumber += 1) {
      try {
        const same = await this.#connect();
        if (same?.hello.life === life) return this.#goOn(same);
        this.#loseSent('The launcher died.');
        if (!same) logger.error({ tryNumber }, 'The launcher died; starting a new one.');
        return this.#use(same ?? (await startLauncher(this.#options)));
      } catch (problem) {
        logger.error({ problem: String(problem), tryNumber }, 'There is no launcher; trying again.');
        await delay(backoffMs(tryNumber, restartBackoff), signal);
      }
    }
  }

  /** The same launcher after a broken connection. */
  #goOn(link: LauncherLink): void {
    const held = new Map(link.hello.held.map((program) => [program.key, program]));
    const waiting = this.#waitingLaunches();
    for (const [key, program] of this.#programs) {
      if (waiting.has(key)) continue;
      const found = held.get(key);
      if (found) {
        this.#onStarted(key, found.pid, found.startedAt, found.startTicks);
        link.send({ type: 'attach', key, from: program.next });
      } else {
        this.#lose(key, program, 'The launcher does not know the program.');
      }
    }
    this.#use(link);
  }

  /** All programs, except those whose launch waits for the next launcher. */
  #loseSent(reason: string): void {
    const waiting = this.#waitingLaunches();
    for (const [key, program] of this.#programs) if (!waiting.has(key)) this.#lose(key, program, reason);
  }

  #loseAll(reason: string): void {
    this.#stopping.abort();
    for (const [key, program] of this.#programs) this.#lose(key, program, reason, false);
  }

  #lose(key: string, program: Tracked, reason: string, endsGroup = true): void {
    this.#programs.delete(key);
    if (endsGroup) endGroup(program);
    if (program.launching)
      program.launching.reject(new Error(`${reason} It is not known whether ${key} was started.`));
    else program.listener.onLost(reason);
  }

  #waitingLaunches(): Set<string> {
    return new Set(
      this.#unsent.flatMap(({ message }) => (message.type === 'launch' ? [message.spec.key] : [])),
    );
  }
}

const oldLauncher =
  'Programs are still held by a launcher of an earlier version, or of another DAYBOOK_OWNER_IDS. It starts further ones ' +
  'as it did then (one of version 3 ends none when this worker falls silent); it is replaced when it holds none any more.';
/** Their environments are closed to it all the same. */
const shownProcesses =
  'A program can see which programs of other owners run, with their arguments (ps): /proc could not be mounted for them.';

/** The group only when its leader is the process that was started, not a later one with its number. */
function endGroup({ pid, startTicks }: Tracked): void {
  if (pid === null || !startTicks || !isSameProcess(pid, startTicks)) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ended meanwhile
  }
}
