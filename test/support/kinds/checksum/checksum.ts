import { createHash } from 'node:crypto';
import type { KindContext, KindOutcome } from '../../domain/jobs/kind-ports.ts';
import { formatBytes } from '../../lib/size.ts';
import { defineKind } from '../define-kind.ts';
import { checksumInput, checksumResult, type ChecksumInput, type ChecksumResult } from './contract.ts';
import { openInHome, type HomeFile } from './open-in-home.ts';
import { checksumSettings } from './settings.ts';

export const checksumKind = defineKind({
  name: 'checksum',
  title: 'Checksum',
  description: 'Makes digests of files in the home directory.',
  input: checksumInput,
  result: checksumResult,
  settings: checksumSettings,
  nameOf: ({ paths: [first = '', ...others], algorithm }) =>
    `${algorithm} ${first}${others.length === 0 ? '' : ` and ${others.length} more`}`,
  // Reading twice does no harm.
  isRepeatable: () => true,
  runsProgram: false,
  createRun:
    ({ homeDirectory, settings: { mostBytes } }) =>
    async ({ input }, context) => {
      const opened = await openAll(homeDirectory, input.paths);
      try {
        const totalBytes = opened.reduce((sum, one) => sum + ('file' in one ? one.sizeBytes : 0), 0);
        if (totalBytes > mostBytes) {
          const message = `The files have ${formatBytes(totalBytes)}, more than the ${formatBytes(mostBytes)} that DAYBOOK_CHECKSUM_MOST allows.`;
          return { state: 'failed', reason: 'rejected', message };
        }
        return await digestAll(opened, { ...input, totalBytes }, context);
      } finally {
        for (const one of opened) if ('file' in one) await one.file.close();
      }
    },
});

type Opened = { path: string } & (HomeFile | { problem: string });

/** All at once, so that what cannot be read is known before hours of work. */
async function openAll(home: string, paths: readonly string[]): Promise<Opened[]> {
  return Promise.all(paths.map(async (path) => ({ path, ...(await openInHome(home, path)) })));
}

async function digestAll(
  opened: readonly Opened[],
  { algorithm, totalBytes }: Pick<ChecksumInput, 'algorithm'> & { totalBytes: number },
  { signal, log, progress, result }: KindContext,
): Promise<KindOutcome> {
  const digests: ChecksumResult['digests'] = [];
  const failures: ChecksumResult['failures'] = [];
  let doneBytes = 0;
  const add = (bytes: number, path: string): void => {
    doneBytes += bytes;
    progress(totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes), path);
  };
  for (const { path, ...one } of opened) {
    try {
      if ('problem' in one) throw new Error(one.problem);
      const hash = createHash(algorithm);
      for await (const piece of one.file.createReadStream({ autoClose: false, signal })) {
        hash.update(piece as Buffer);
        add((piece as Buffer).length, path);
      }
      const digest = hash.digest('hex');
      digests.push({ path, digest, sizeBytes: one.sizeBytes });
      log(`${digest}  ${path}`);
    } catch (error) {
      // Whoever stopped it says what became of it.
      if (signal.aborted) return { state: 'failed', reason: 'error', message: 'Stopped before its end.' };
      const problem = error instanceof Error ? error.message : String(error);
      failures.push({ path, problem });
      log(`${path}: ${problem}`, 'stderr');
    }
  }
  result({ digests, failures });
  const [first] = failures;
  if (!first) return { state: 'succeeded' };
  const others = failures.length === 1 ? '' : `, and ${failures.length - 1} more could not be read`;
  return { state: 'failed', reason: 'error', message: `${first.path}: ${first.problem}${others}.` };
}
