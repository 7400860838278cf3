import { splitEnvironment } from '../lib/unsafe-environment.ts';
import type { Logger } from '../lib/logger.ts';
import { isTooLate } from './fence.ts';
import { describeFileProblem } from '../lib/file-problem.ts';
import { findBadInterpreter, findProgram } from './find-program.ts';
import { Cgroup, openDelegatedCgroup } from './cgroup.ts';
import { isolate } from './isolation.ts';
import type { Journal } from './journal.ts';
import { Leftovers } from './leftovers.ts';
import { OomKills } from './oom-kills.ts';
import type { OutputStore } from './output-store.ts';
import { bootTicks, startTicksBetween } from './proc.ts';
import { ProgramWatch } from './program-watch.ts';
import { Program } from './program.ts';
import type { Isolation, ProgramSpec, StartRefused } from './protocol.ts';
import type { Exit, Spawner, SpawnRequest } from './spawner.ts';
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

/** All programs that are held: running, or ended and not yet forgotten. */
export class Launcher {
  readonly #parts: LauncherParts;
  readonly #leftovers: Leftovers;
  readonly #programs = new Map<string, Program>();
  readonly #mains = new Map<number, Program>();
  readonly #oomKills = new OomKills();
  readonly #switches: UserSwitches;
  readonly #watcher: Watcher;
  /** Looked for when the first program has limits. */
  #delegatedCgroup: string | null | undefined;
  #cgroups = 0;

  constructor(parts: LauncherParts) {
    this.#parts = parts;
    this.#switches = new UserSwitches((user, gid) => parts.spawner.groupsOf(user, gid));
    this.#leftovers = new Leftovers(parts.spawner, {
      isMain: (pid) => this.#mains.has(pid),
      couldOwn: (ticks) => this.#mains.values().some(({ startTicks }) => (startTicks?.[0] ?? 0) <= ticks),
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

  launch(spec: ProgramSpec): LaunchAnswer {
    try {
      return this.#launch(spec);
    } catch (problem) {
      // A full disk under the journal, for example. Whether the program was started is in the journal.
      this.#parts.logger.error(
        { key: spec.key, problem: String(problem) },
        'A program could not be started.',
      );
      return { type: 'rejected', message: `The launcher failed to start ${spec.key}: ${String(problem)}` };
    }
  }

  /** A program that still runs is ended first; its end is nobody's business any more. */
  forget(key: string): void {
    const program = this.#programs.get(key);
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

  #launch(spec: ProgramSpec): LaunchAnswer {
    const { journal, spawner, store } = this.#parts;
    if (this.#programs.has(spec.key) || journal.knows(spec.key))
      return { type: 'rejected', message: `The key ${spec.key} was launched before.` };
    if (spec.fence && isTooLate(spec.fence)) return tooLate;
    const cgroup = this.#makeCgroup(spec.isolation);
    const request = toSpawnRequest(spec, cgroup?.words ?? [], this.#switches);
    if ('exitCode' in request) {
      cgroup?.remove();
      return { type: 'refused', ...request };
    }

    const program = new Program(spec, {
      store,
      leftovers: this.#leftovers,
      oomKills: this.#oomKills,
      onNews: this.#parts.onNews,
      onMainEnded: (ended) => this.#mains.delete(ended.pid),
    });
    try {
      journal.willStart(spec.key, program.token);
    } catch (error) {
      cgroup?.remove();
      return {
        type: 'refused',
        exitCode: 126,
        message: `The start could not be noted down first: ${reasonOf(error)}`,
      };
    }
    const before = bootTicks();
    const startedAt = Date.now();
    const spawned = spawner.spawn(request, (exit: Exit) => program.mainEnded(exit));
    if ('exitCode' in spawned) {
      journal.forget(spec.key);
      cgroup?.remove();
      return { type: 'refused', ...spawned };
    }
    const { isolation, masks } = spec;
    if (masks.length > 0) program.hide(masks);
    if (isolation && Object.keys(isolation.limits).length > 0)
      program.limit(new ProgramWatch(isolation, startedAt, cgroup), isolation.killGraceMs);
    program.begin(spawned, startedAt, startTicksBetween(before, bootTicks()));
    if (spec.fence) program.confirm(spec.fence);
    journal.hasStarted(spec.key, program.pid, program.startTicks);
    this.#programs.set(spec.key, program);
    this.#mains.set(program.pid, program);
    this.#watcher.begun(program);
    return { type: 'started', program };
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
const tooLate: LaunchAnswer = {
  type: 'refused',
  exitCode: 126,
  message: 'It could be started a second time, and no beat of its worker was confirmed for too long.',
  isTooLate: true,
};

/** Sets variables as the program's own user (env(1)). */
const envTool = '/usr/bin/env';

function toSpawnRequest(
  spec: ProgramSpec,
  cgroupWords: readonly string[],
  switches: UserSwitches,
): SpawnRequest | StartRefused {
  if (hasNul(spec))
    return { exitCode: 126, message: 'A name, an argument or a variable contains a NUL character.' };
  const path = findProgram(spec.file, spec.cwd, spec.env['PATH']);
  if (typeof path !== 'string') return path;
  const { cwd, stdin } = spec;
  const plain = {
    path,
    argv: [spec.file, ...spec.args],
    env: toEnvironment(spec.env),
    cwd,
    stdin,
    owner: null,
  };
  if (!spec.isolation) return plain;
  const isolated = isolate(spec.isolation, switches);
  if ('exitCode' in isolated) return isolated;
  const { owner } = isolated;
  const words = [...cgroupWords, ...isolated.words];
  const [first] = words;
  if (first === undefined) return plain;
  const problem = findBadInterpreter(path, cwd);
  if (problem) return problem;
  const { safe, late } = splitEnvironment(spec.env);
  if (late.length > 0) {
    if (path.includes('=')) {
      return { exitCode: 126, message: `The program cannot be started: the path ${path} holds a "=".` };
    }
    words.push(envTool, ...late);
  }
  return { path: first, argv: [...words, path, ...spec.args], env: toEnvironment(safe), cwd, stdin, owner };
}

/** C strings end there: the program would get less than was asked for. */
function hasNul({ file, args, env, cwd }: ProgramSpec): boolean {
  if (file.includes('\0') || cwd.includes('\0') || args.some((word) => word.includes('\0'))) return true;
  for (const name in env) if (name.includes('\0') || env[name]?.includes('\0')) return true;
  return false;
}

function toEnvironment(env: Record<string, string>): string[] {
  const entries: string[] = [];
  for (const name in env) entries.push(`${name}=${env[name]}`);
  return entries;
}

function reasonOf(error: unknown): string {
  return describeFileProblem(error) ?? (error instanceof Error ? error.message : String(error));
}
