import { stat } from 'node:fs/promises';
import type { NotStarted } from '../../domain/jobs/kind-ports.ts';
import { isHiddenInHome } from '../../domain/home/ports.ts';
import { findInside } from '../../lib/confined-walk.ts';

/** A folder below the home directory; links that lead out of it are refused. */
export async function resolveWorkdir(
  home: string,
  workdir: string | undefined,
): Promise<{ directory: string } | NotStarted> {
  if (workdir === undefined || workdir === '') return { directory: home };
  const found = await findInside({ root: home, isHidden: isHiddenInHome }, workdir);
  if ('problem' in found) {
    const why =
      found.problem === 'missing'
        ? 'there is no such folder in the home directory'
        : 'leads out of the home directory';
    return { exitCode: 126, message: `workdir ${workdir}: ${why}` };
  }
  const facts = await stat(found.path);
  if (!facts.isDirectory()) return { exitCode: 126, message: `workdir ${workdir}: is not a folder` };
  return { directory: found.path };
}
