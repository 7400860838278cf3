import { access, constants, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { NotStarted } from '../ports.ts';

export interface ScriptFolder {
  scriptsDirectory: string;
  /** Names that are no script are looked up as programs on PATH. */
  allowShell: boolean;
}

/** The file a script's name stands for. A link that leads out of the scripts directory is refused. */
export async function findScript(name: string, folder: ScriptFolder): Promise<{ file: string } | NotStarted> {
  const { scriptsDirectory, allowShell } = folder;
  const path = join(scriptsDirectory, name);
  const real = await realpath(path).catch(() => null);
  if (real === null) {
    if (allowShell) return { file: name };
    return { exitCode: 127, message: `${name}: there is no such script in the scripts directory` };
  }
  const root = await realpath(scriptsDirectory);
  if (!real.startsWith(root + sep)) {
    return {
      exitCode: 126,
      message: `${name}: the script is a link that leads out of the scripts directory`,
    };
  }
  const facts = await stat(real);
  if (!facts.isFile()) return { exitCode: 126, message: `${name}: is not a regular file` };
  const isExecutable = await access(real, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!isExecutable) return { exitCode: 126, message: `${name}: is not executable (chmod +x makes it so)` };
  // The name as given, so that the script sees its own name in $0.
  return { file: path };
}
