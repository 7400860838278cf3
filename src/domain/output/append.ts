import { AppError } from '../../contract/errors.ts';
import type { AttemptOutput, AttemptRef, OutputChunk, StreamPositions } from './ports.ts';
import { OutputWriter } from './writer.ts';
import type { Stream } from '../../contract/stream.ts';

export interface ReportedPiece {
  stream: Stream;
  /** Of its first byte in its stream. */
  offset: number;
  at: Date;
  bytes: Buffer;
}

/**
 * Goes on behind what is stored; bytes that are known already are passed over, so a repetition stores nothing twice.
 * Whoever calls keeps others from doing the same at once.
 * @throws AppError `conflict` when a piece begins behind the end of what is known
 */
export async function appendOutput(
  store: AttemptOutput,
  attempt: AttemptRef,
  pieces: readonly ReportedPiece[],
): Promise<StreamPositions> {
  const writer = await OutputWriter.resume({ ...attempt, onProtocol: () => {} }, await store.last(attempt));
  for (const { stream, offset, at, bytes } of pieces) {
    const known = writer.received[stream];
    if (offset > known) {
      throw new AppError(
        'conflict',
        `${stream} is known up to byte ${known}; a piece at ${offset} would leave a gap.`,
      );
    }
    writer.append(stream, bytes.subarray(known - offset), at);
  }
  if (!writer.isStored) await store.write((await writer.take({ all: true })).chunks);
  return writer.received;
}

/** Chunks of a whole output that is known at once. The caller puts in whose they are. */
export async function chunkOutput({
  stdout,
  stderr,
  at,
}: {
  stdout: string;
  stderr: string;
  at: Date;
}): Promise<{ chunks: OutputChunk[]; stdoutBytes: number; stderrBytes: number }> {
  const writer = new OutputWriter({ jobId: 0, number: 1, claimedAt: at, onProtocol: () => {} });
  writer.append('stdout', Buffer.from(stdout), at);
  writer.append('stderr', Buffer.from(stderr), at);
  const { chunks } = await writer.take({ all: true });
  const received = writer.received;
  return { chunks, stdoutBytes: received.stdout, stderrBytes: received.stderr };
}
