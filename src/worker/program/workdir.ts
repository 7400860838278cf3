import { realpath, stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import type { NotStarted } from '../../domain/jobs/kind-ports.ts';

/** A folder below the home directory; links that lead out of it are refused. */
export async function resolveWorkdir(
  home: string,
  workdir: string | undefined,
): Promise<{ directory: string } | NotStarted> {
  if (workdir === undefined || workdir === '') return { directory: home };
  const root = await realpath(home).catch(() => home);
  const real = await realpath(resolve(home, `./${workdir}`)).catch(() => null);
  if (real === null)
    return { exitCode: 126, message: `workdir ${workdir}: there is no such folder in the home directory` };
  if (real !== root && !real.startsWith(root + sep)) {
    return { exitCode: 126, message: `workdir ${workdir}: leads out of the home directory` };
  }
  const facts = await stat(real);
  if (!facts.isDirectory()) return { exitCode: 126, message: `workdir ${workdir}: is not a folder` };
  return { directory: real };
}
