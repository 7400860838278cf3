import type { Logger } from '../lib/logger.ts';
import { isTooLate } from './fence.ts';
import { Cgroup, openDelegatedCgroup } from './cgroup.ts';
import type { Journal } from './journal.ts';
import { Leftovers } from './leftovers.ts';
import { OomKills } from './oom-kills.ts';
import type { OutputStore } from './output-store.ts';
import { ProgramWatch } from './program-watch.ts';
import { Program } from './program.ts';
import type { Isolation, ProgramSpec, StartRefused } from './protocol.ts';
import { toSpawnRequest } from './spawn-request.ts';
import type { Spawner } from './spawner.ts';
import { type Started, Starts } from './starts.ts';
import { UserSwitches } from './switch-user.ts';
import { Watcher } from './watcher.ts';

export interface LauncherParts {
  spawner: Spawner;
  store: OutputStore;
  journal: Journal;
  logger: Logger;
  onNews(program: Program): void;
}

export type LaunchAnswer =
  | { type: 'started'; program: Program }
  | ({ type: 'refused' } & StartRefused)
  | { type: 'rejected'; message: string };

/** All programs that are held: being started, running, or ended and not yet forgotten. */
export class Launcher {
  readonly #parts: LauncherParts;
  readonly #leftovers: Leftovers;
  readonly #programs = new Map<string, Program>();
  readonly #mains = new Map<number, Program>();
  readonly #starts: Starts;
  readonly #oomKills = new OomKills();
  readonly #switches: UserSwitches;
  readonly #watcher: Watcher;
  /** Looked for when the first program has limits. */
  #delegatedCgroup: string | null | undefined;
  #cgroups = 0;

  constructor(parts: LauncherParts) {
    this.#parts = parts;
    this.#starts = new Starts(parts);
    this.#switches = new UserSwitches((user, gid) => parts.spawner.groupsOf(user, gid));
    this.#leftovers = new Leftovers(parts.spawner, {
      isMain: (pid) => this.#mains.has(pid),
      couldOwn: (ticks) =>
        this.#starts.hasBegunBefore(ticks) ||
        this.#mains.values().some(({ startTicks }) => (startTicks?.[0] ?? 0) <= ticks),
    });
    this.#watcher = new Watcher({
      programs: () => this.#mains.values(),
      oomKills: this.#oomKills,
      onNews: parts.onNews,
      logger: parts.logger,
    });
  }

  get programs(): ReadonlyMap<string, Program> {
    return this.#programs;
  }

  /** Answers now, or when the program is started or refused. */
  launch(spec: ProgramSpec, onAnswer: (answer: LaunchAnswer) => void): void {
    try {
      const refusal = this.#prepare(spec, onAnswer);
      if (refusal) onAnswer(refusal);
    } catch (problem) {
      this.#parts.logger.error(
        { key: spec.key, problem: String(problem) },
        'A program could not be started.',
      );
      onAnswer({
        type: 'rejected',
        message: `The launcher failed to start ${spec.key}: ${String(problem)}`,
      });
    }
  }

  /** Calls back once no program is being started: each of them is held or refused then. */
  whenNoneStarts(callback: () => void): void {
    this.#starts.whenNone(callback);
  }

  /** A program that still runs is ended first; its end is nobody's business any more. */
  forget(key: string): void {
    const program = this.#programs.get(key);
    if (program?.isStarting) {
      program.isUnwanted = true;
      return;
    }
    if (program?.isRunning) {
      this.#parts.logger.warn(
        { key, pid: program.pid },
        'A program that still runs is to be forgotten: it is killed.',
      );
      program.signal('SIGKILL');
    }
    this.#programs.delete(key);
    program?.forget();
    this.#parts.journal.forget(key);
  }

  close(): void {
    this.#leftovers.close();
    this.#watcher.close();
  }

  /** Why it is not to be started; null: it is, and the answer comes later. */
  #prepare(spec: ProgramSpec, onAnswer: (answer: LaunchAnswer) => void): LaunchAnswer | null {
    const { key, fence, isolation, masks } = spec;
    if (this.#programs.has(key) || this.#parts.journal.knows(key))
      return { type: 'rejected', message: `The key ${key} was launched before.` };
    if (fence && isTooLate(fence)) return { type: 'refused', ...tooLate };
    const cgroup = this.#makeCgroup(isolation);
    const request = toSpawnRequest(spec, cgroup?.words ?? [], this.#switches);
    if ('exitCode' in request) {
      cgroup?.remove();
      return { type: 'refused', ...request };
    }
    const program = this.#createProgram(spec);
    if (masks.length > 0) program.hide(masks);
    if (fence) program.confirm(fence);
    this.#programs.set(key, program);
    this.#starts.add({
      program,
      request,
      obstacle: () => (program.isUnwanted ? unwanted : program.isFenced ? tooLate : null),
      onStarted: (started) => {
        if (isolation && Object.keys(isolation.limits).length > 0)
          program.limit(new ProgramWatch(isolation, started.startedAt, cgroup), isolation.killGraceMs);
        this.#begin(program, started, onAnswer);
      },
      onRefused: (refusal) => {
        this.#programs.delete(key);
        program.forget();
        this.#parts.journal.forget(key);
        cgroup?.remove();
        onAnswer({ type: 'refused', ...refusal });
      },
    });
    return null;
  }

  #createProgram(spec: ProgramSpec): Program {
    return new Program(spec, {
      store: this.#parts.store,
      leftovers: this.#leftovers,
      oomKills: this.#oomKills,
      onNews: this.#parts.onNews,
      onMainEnded: (ended) => this.#mains.delete(ended.pid),
    });
  }

  #begin(
    program: Program,
    { spawned, startedAt, startTicks, exit }: Started,
    onAnswer: (answer: LaunchAnswer) => void,
  ): void {
    const { key } = program;
    program.begin(spawned, startedAt, startTicks);
    this.#parts.journal.hasStarted(key, program.pid, startTicks);
    this.#mains.set(program.pid, program);
    this.#watcher.begun(program);
    if (!program.isUnwanted) onAnswer({ type: 'started', program });
    if (exit) program.mainEnded(exit);
    else program.sendHeldSignals();
    if (program.isUnwanted) this.forget(key);
  }

  /** Only for limits that the kernel holds better than we: making one costs more than starting a program. */
  #makeCgroup(isolation: Isolation | null): Cgroup | null {
    const { memoryBytes, processes } = isolation?.limits ?? {};
    if (memoryBytes === undefined && processes === undefined) return null;
    if (this.#delegatedCgroup === undefined) this.#delegatedCgroup = openDelegatedCgroup();
    if (this.#delegatedCgroup === null) return null;
    this.#cgroups += 1;
    return new Cgroup(this.#delegatedCgroup, `${process.pid}-${this.#cgroups}`, { memoryBytes, processes });
  }
}

/** Its worker stood still on the way here, or is cut off. */
const tooLate: StartRefused = {
  exitCode: 126,
  message: 'It could be started a second time, and no beat of its worker was confirmed for too long.',
  isTooLate: true,
};

/** Nobody hears it. */
const unwanted: StartRefused = { exitCode: 126, message: 'It was forgotten before it was started.' };
