import { splitEnvironment } from '../lib/unsafe-environment.ts';
import { findBadInterpreter, findProgram } from './find-program.ts';
import { isolate } from './isolation.ts';
import type { ProgramSpec, StartRefused } from './protocol.ts';
import type { SpawnRequest } from './spawner.ts';
import type { UserSwitches } from './switch-user.ts';

/** Sets variables as the program's own user (env(1)). */
const envTool = '/usr/bin/env';

/** What to start for it, with the words before its own; or why it cannot be. */
export function toSpawnRequest(
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
