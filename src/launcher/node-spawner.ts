import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { explainRefusal } from './find-program.ts';
import type { StartRefused } from './protocol.ts';
import type { OutputPipe, PipeSink, Spawned, Spawner, SpawnListener, SpawnRequest } from './spawner.ts';

/**
 * Where posix_spawn cannot be called. A third of the speed; Node's pipes are socket pairs, which on Linux cannot
 * be opened by name (`> /dev/stderr`); Node keeps the resource usage of children to itself.
 */
export function createNodeSpawner(): Spawner {
  return {
    name: 'child_process',
    startsAtOnce: 1,
    spawn: (request, listener) => {
      const answer = spawnWithNode(request, listener);
      queueMicrotask(() => {
        if ('exitCode' in answer) listener.onRefused(answer);
        else listener.onStarted(answer, null);
      });
    },
    groupExists: (group) => exists(-group),
    processExists: exists,
    groupsOf: () => null,
    close: () => {},
  };
}

function spawnWithNode(request: SpawnRequest, listener: SpawnListener): Spawned | StartRefused {
  const env = Object.fromEntries(
    request.env.map((entry) => {
      const at = entry.indexOf('=');
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
  try {
    accessSync(request.cwd);
  } catch {
    return explainRefusal(request.path, request.cwd, 0);
  }
  const [argv0 = request.path, ...args] = request.argv;
  let child: ChildProcess;
  try {
    child = spawn(request.path, args, {
      argv0,
      cwd: request.cwd,
      env,
      detached: true,
      stdio: [request.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    return explainRefusal(request.path, request.cwd, Math.abs((error as NodeJS.ErrnoException).errno ?? 0));
  }
  if (child.pid === undefined || !child.stdout || !child.stderr) {
    // The error comes as an event later; ENOENT is what explainRefusal cannot find out otherwise.
    child.on('error', () => {});
    return explainRefusal(request.path, request.cwd, constants.errno.ENOENT);
  }
  child.on('exit', (exitCode, signal) =>
    listener.onExit({
      exitCode,
      signal,
      cpuUserMs: 0,
      cpuSystemMs: 0,
      maxRssBytes: 0,
      readBytes: null,
      writtenBytes: null,
    }),
  );
  if (request.stdin && child.stdin) {
    // A program need not read its input: EPIPE is its right.
    child.stdin.on('error', () => child.stdin?.destroy());
    child.stdin.end(request.stdin);
  }
  return { pid: child.pid, stdout: new StreamPipe(child.stdout), stderr: new StreamPipe(child.stderr) };
}

class StreamPipe implements OutputPipe {
  readonly #stream: Readable;

  constructor(stream: Readable) {
    this.#stream = stream;
  }

  read(sink: PipeSink): void {
    this.#stream.on('error', () => this.#stream.destroy());
    this.#stream.on('close', () => sink.onEnd());
    this.#stream.on('data', (bytes: Buffer) => sink.onBytes(bytes));
  }

  drain(): void {
    // The event loop reads; the end is told by 'close'.
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  close(): void {
    this.#stream.destroy();
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
