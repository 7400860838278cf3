import type { OutputPiece, OutputPosition } from '../../domain/output/ports.ts';
import type { StreamOffsets } from '../../launcher/protocol.ts';
import type { Interrupts } from '../attempt/interrupts.ts';
import type { LineFeed } from './line-feed.ts';

export interface RepeatSources {
  read(from: OutputPosition): AsyncIterable<OutputPiece>;
  /** What stands before is not of the program. */
  outputBase: StreamOffsets | undefined;
  interrupts: Interrupts;
}

/**
 * Shows a kind what an earlier life of the worker has stored. Where the store does not answer, it goes on behind the
 * last piece; what cannot be read at all must not end a program that runs well, so it is a problem of the feed. Where it
 * ends early, the rest of a line is missing, and what comes next is not that rest.
 */
export async function repeatOutput(
  feed: LineFeed,
  { read, outputBase, interrupts }: RepeatSources,
): Promise<void> {
  const from: OutputPosition = { stdout: 0, stderr: 0, ...outputBase, chunk: 0, gaps: 0 };
  const show = async (): Promise<boolean> => {
    for await (const { stream, kind, at, bytes, byte, chunk, gaps } of read({ ...from })) {
      if (interrupts.aborted) return false;
      from.chunk = chunk;
      from.gaps = gaps;
      if (kind === 'gap') {
        feed.cut({ isRepeated: true });
      } else {
        from[stream] = byte + bytes.length;
        feed.push(stream, bytes, { at, isRepeated: true });
      }
    }
    return true;
  };
  const isWhole = await interrupts.lookUp(show).catch((error: unknown) => feed.fail(error));
  if (!isWhole) feed.cut({ isRepeated: true });
}
