import type {
  AttemptRef,
  OutputPiece,
  OutputPosition,
  OutputReader,
  OutputStore,
  StreamPositions as Positions,
} from './ports.ts';
import { decodeChunk } from './chunk.ts';
import { readMergedLines, readStreamLines, readTail } from './line-pages.ts';
import { readChunks } from './read-chunks.ts';
import { viewLines } from './view.ts';
import type { Stream } from '../../contract/stream.ts';

export function createOutputReader(store: OutputStore): OutputReader {
  return {
    view: (attempt, options) => viewLines(store, attempt, options),
    streamLines: (attempt, options) => readStreamLines(store, attempt, options),
    mergedLines: (attempt, options) => readMergedLines(store, attempt, options),
    tail: (attempt, limit, stream) => readTail(store, attempt, { limit, stream }),
    pieces: (attempt, from) => readPieces(store, attempt, from),
    bytes: (attempt, stream) => readBytes(store, attempt, stream),
  };
}

/**
 * All records from these byte positions on, in order of arrival, up to what is stored now. The first one may begin in
 * the middle of a stored record.
 */
async function* readPieces(
  store: OutputStore,
  attempt: AttemptRef,
  from: OutputPosition,
): AsyncGenerator<OutputPiece> {
  for await (const chunk of readChunks(store, attempt, { by: 'chunk', number: from.chunk })) {
    const at: Positions = { stdout: chunk.stdout.byte, stderr: chunk.stderr.byte };
    const gapsSeen = chunk.number === from.chunk ? from.gaps : 0;
    let gaps = 0;
    for (const record of await decodeChunk(chunk)) {
      const byte = at[record.stream];
      if (record.kind === 'gap') {
        gaps += 1;
        if (gaps > gapsSeen) yield { ...record, byte, chunk: chunk.number, gaps };
        continue;
      }
      at[record.stream] += record.bytes.length;
      const skip = Math.max(0, from[record.stream] - byte);
      if (skip >= record.bytes.length) continue;
      yield { ...record, bytes: record.bytes.subarray(skip), byte: byte + skip, chunk: chunk.number, gaps };
    }
  }
}

/** Exactly the bytes a stream printed; a gap appears as a line of its own. */
async function* readBytes(store: OutputStore, attempt: AttemptRef, stream: Stream): AsyncGenerator<Buffer> {
  for await (const piece of readPieces(store, attempt, { stdout: 0, stderr: 0, chunk: 0, gaps: 0 })) {
    if (piece.kind === 'gap')
      yield Buffer.from(`\n[daybook: output is missing here: ${piece.bytes.toString()}]\n`);
    else if (piece.stream === stream) yield piece.bytes;
  }
}
