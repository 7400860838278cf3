import { execFile } from 'node:child_process';
import { chown, mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { attemptName, type AttemptId } from '../../contract/attempt.ts';
import type { Account } from '../../lib/file-access.ts';

const run = promisify(execFile);

/** What jobs without files are shown as their input folder. */
const emptyName = 'none';

/**
 * Where attempts find the files of their job, and leave their own: two folders beside each other, so that a job without
 * files costs one `mkdir` before its program and one `rmdir` behind it. Together 0.1 ms of a core; a third folder
 * around them, or a look into the folder whether it is empty, would cost as much again.
 */
export class AttemptFolders {
  readonly #root: string;
  readonly #owner: Account | null;

  /** @param owner whom programs run as; null when that is this process's own account */
  constructor(root: string, owner: Account | null) {
    this.#root = root;
    this.#owner = owner;
  }

  inputs(attempt: AttemptId): string {
    return join(this.#root, `${attemptName(attempt)}.in`);
  }

  outputs(attempt: AttemptId): string {
    return join(this.#root, `${attemptName(attempt)}.out`);
  }

  get emptyInputs(): string {
    return join(this.#root, emptyName);
  }

  /** An empty folder for what the program makes. What an earlier life left under this name goes. */
  async makeOutputs(attempt: AttemptId): Promise<string> {
    const path = this.outputs(attempt);
    await mkdir(path, { mode: 0o700 }).catch(async (error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
      await removeTree(path);
      await mkdir(path, { mode: 0o700 });
    });
    if (this.#owner) await chown(path, this.#owner.uid, this.#owner.gid);
    return path;
  }

  /** True when it is gone now; false when something is in it. */
  async removeEmptyOutputs(attempt: AttemptId): Promise<boolean> {
    try {
      await rmdir(this.outputs(attempt));
      return true;
    } catch (error) {
      return codeOf(error) === 'ENOENT';
    }
  }

  /** Removes what attempts left that this worker does not run. */
  async sweep(running: readonly AttemptId[]): Promise<void> {
    await mkdir(this.emptyInputs, { mode: 0o555 }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    const kept = new Set([
      this.emptyInputs,
      ...running.flatMap((one) => [this.inputs(one), this.outputs(one)]),
    ]);
    const paths = (await readdir(this.#root)).map((name) => join(this.#root, name));
    for (const path of paths) if (!kept.has(path)) await removeTree(path);
  }
}

/**
 * Removes a tree that programs may still be changing. Node's own `rm` looks at a path and then uses it, so that whoever
 * puts a link in between could make us, as root, remove something else; `rm` of the system goes from folder to folder.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await run('rm', ['-rf', '--', path]);
  } catch (error) {
    if (process.getuid?.() === 0) throw error;
    // A folder may be closed even to its owner.
    await run('chmod', ['-R', 'u+rwX', '--', path]);
    await run('rm', ['-rf', '--', path]);
  }
}

export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
