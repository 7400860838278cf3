import { lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { NotStarted } from '../../domain/jobs/kind-ports.ts';
import { findInside } from '../../lib/confined-walk.ts';

export interface ScriptFolder {
  scriptsDirectory: string;
  /** Names that are no script are looked up as programs on PATH. */
  allowShell: boolean;
}

/** The file a script's name stands for. A link that leads out of the scripts directory is refused. */
export async function findScript(
  name: string,
  folder: ScriptFolder,
): Promise<{ file: string; script: string | null } | NotStarted> {
  const { scriptsDirectory, allowShell } = folder;
  const path = join(scriptsDirectory, name);
  let facts = await lstat(path).catch(() => null);
  if (facts?.isSymbolicLink()) {
    const found = await findInside({ root: scriptsDirectory }, name);
    if ('problem' in found && found.problem === 'outside') {
      return {
        exitCode: 126,
        message: `${name}: the script is a link that leads out of the scripts directory`,
      };
    }
    facts = 'path' in found ? await stat(found.path) : null;
  }
  if (!facts) {
    if (allowShell) return { file: name, script: null };
    return { exitCode: 127, message: `${name}: there is no such script in the scripts directory` };
  }
  if (!facts.isFile()) return { exitCode: 126, message: `${name}: is not a regular file` };
  if ((facts.mode & 0o111) === 0) {
    return { exitCode: 126, message: `${name}: is not executable (chmod +x makes it so)` };
  }
  // The name as given, so that the script sees its own name in $0.
  return { file: path, script: path };
}
