import { randomUUID } from 'node:crypto';
import { mkdir, open, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { CapsuleStore } from '../../domain/again/capsule-ports.ts';
import type { Kind } from '../../domain/jobs/kind-ports.ts';
import type { ClaimedJob } from '../../domain/jobs/ports.ts';
import { removeFile } from '../../lib/remove.ts';
import { hashFile } from './script-file.ts';

interface PinnedScriptOptions {
  scriptMember: Kind['scriptMember'] | undefined;
  capsules: Pick<CapsuleStore, 'readText'>;
  directory: string;
}

/**
 * Writes the kept text that a job is to run again, under its own name, to a place that only the server writes; null for
 * a job that runs today's script.
 * @throws when the text is not kept any more, or the store does not answer
 */
export async function writePinnedScript(
  { scriptSha256: sha256, input }: ClaimedJob,
  { capsules, directory, scriptMember }: PinnedScriptOptions,
): Promise<string | null> {
  if (sha256 === null) return null;
  const text = await capsules.readText(sha256);
  if (text === null)
    throw new Error(`The text of the script that is to run again (${sha256}) is not kept any more.`);
  const name = scriptMember === undefined ? null : (input as Record<string, unknown>)[scriptMember];
  const path = join(directory, sha256, basename(typeof name === 'string' ? name : 'script'));
  if ((await hashFile(path).catch(() => null)) !== sha256) await replace(path, text);
  return path;
}

/** By rename, so that a run never reads half a script; each call by a name of its own, as attempts start side by side. */
async function replace(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    const file = await open(partial, 'w', 0o755);
    try {
      await file.writeFile(text);
      await file.chmod(0o755);
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } finally {
    await removeFile(partial);
  }
}
