import { createWriteStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClaimedJob } from '../../domain/jobs/ports.ts';
import type { OutputReader } from '../../domain/output/ports.ts';
import type { Logger } from '../../lib/logger.ts';
import { removeFile } from '../../lib/remove.ts';
import { streams, type Stream } from '../../contract/stream.ts';

export interface OutputCopies {
  /** Writes the copies of an attempt's output; a failure is logged, since the diary has the original. */
  write(job: ClaimedJob): Promise<void>;
}

/**
 * Copies of the output as `<uid>_stdout.log` and `<uid>_stderr.log`, where directories for them are set. A file
 * appears whole, by rename; a retried job's copy is that of its last attempt.
 */
export function createOutputCopies(
  reader: Pick<OutputReader, 'bytes'>,
  directories: { stdout: string | null; stderr: string | null },
  logger: Logger,
): OutputCopies {
  return {
    write: async (job) => {
      for (const stream of streams) {
        const directory = directories[stream];
        if (directory === null) continue;
        try {
          await writeCopy(reader, job, { stream, directory });
        } catch (error) {
          logger.warn(
            { err: error, job: job.jobId, attempt: job.number, directory },
            'A copy of the output could not be written.',
          );
        }
      }
    },
  };
}

async function writeCopy(
  reader: Pick<OutputReader, 'bytes'>,
  job: ClaimedJob,
  { stream, directory }: { stream: Stream; directory: string },
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${job.uid}_${stream}.log`);
  const partial = `${path}.${job.number}.partial`;
  // Left of a life that was killed, or put there by a program where the directory lies in home: a link to anywhere.
  await removeFile(partial);
  try {
    await pipeline(Readable.from(reader.bytes(job, stream)), createWriteStream(partial, { flags: 'wx' }));
    await rename(partial, path);
  } finally {
    await removeFile(partial);
  }
}
