import type { FileHandle } from 'node:fs/promises';
import { isAppError } from '../../contract/errors.ts';
import type { Files, FileStore } from '../../domain/files/ports.ts';
import type { ClaimedJob } from '../../domain/jobs/ports.ts';
import { formatBytes } from '../../lib/size.ts';
import { toReason, walkMadeFiles, type MadeFile } from './made-files.ts';

/** So that a program that goes wild leaves no diary full of files. */
const maxFiles = 1_000;
const namedLeftOut = 20;

export interface KeepFilesOptions {
  files: Files;
  store: Pick<FileStore, 'namesOf' | 'noteLeftOut'>;
  /** Where the program left them. */
  folder: string;
  /** Of the program; null: whoever's. */
  uid: number | null;
  /** All together. */
  limitBytes: number;
  actor: string;
  signal: AbortSignal;
}

/**
 * Keeps what a program left, each file on its own. To be called again when it breaks off: what is recorded is passed
 * over. Files that cannot be kept are named in an event; they keep no attempt from its end.
 * @throws when the store does not answer, or the signal ends it
 */
export async function keepFiles(job: ClaimedJob, options: KeepFilesOptions): Promise<void> {
  const { store, folder, uid, limitBytes, actor } = options;
  const known = new Set(await store.namesOf(job));
  const leftOut: { name: string; why: string }[] = [];
  let count = 0;
  let rest = limitBytes;
  let room = maxFiles - known.size;
  for await (const made of walkMadeFiles(folder, { uid, known })) {
    const kept = await keep(job, made, { ...options, limitBytes: rest, room });
    if ('why' in kept) {
      count += 1;
      if (leftOut.length < namedLeftOut) leftOut.push({ name: made.name.slice(0, 300), why: kept.why });
    } else {
      rest -= kept.sizeBytes;
      room -= 1;
    }
  }
  if (count > 0) await store.noteLeftOut(job, { count, files: leftOut }, actor);
}

async function keep(
  job: ClaimedJob,
  made: MadeFile,
  options: KeepFilesOptions & { room: number },
): Promise<{ sizeBytes: number } | { why: string }> {
  if ('why' in made) return made;
  const { files, limitBytes, room, signal } = options;
  try {
    if (room <= 0) return { why: `more than ${maxFiles} files` };
    if (made.sizeBytes > files.limitBytes) return { why: `larger than ${formatBytes(files.limitBytes)}` };
    if (made.sizeBytes > limitBytes) return { why: 'the files of the attempt are too large together' };
    return await files.store(read(made.file, signal), {
      owner: job,
      limitBytes: Math.min(limitBytes, files.limitBytes),
      madeBy: { attempt: job, name: made.name },
    });
  } catch (error) {
    if (error instanceof UnreadableFile) return { why: error.message };
    if (isAppError(error) && error.code === 'payload_too_large') return { why: 'it grew while it was read' };
    if (isAppError(error) && error.code === 'storage_full') return { why: error.message };
    throw error;
  } finally {
    await made.file.close();
  }
}

class UnreadableFile extends Error {}

/** A file that shrinks ends sooner. */
async function* read(file: FileHandle, signal: AbortSignal): AsyncGenerator<Buffer> {
  const size = 256 * 1024;
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead, buffer } = await file
      .read(Buffer.allocUnsafe(size), 0, size, null)
      .catch((error: unknown) => {
        throw new UnreadableFile(toReason(error), { cause: error });
      });
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
