import { decodeChunk, type OutputRecord } from './chunk.ts';
import type { OutputChunk, OutputLine, StreamPositions as Positions } from './ports.ts';
import { streams, type Stream } from '../../contract/stream.ts';

/** A line, or the piece of one that lies in a chunk. */
export interface LinePiece extends Omit<OutputLine, 'text'> {
  bytes: Buffer;
  /** Among those of its chunk. */
  index: number;
}

/** The same as text. */
export type ChunkLine = OutputLine & { index: number };

/** The lines of one chunk in order of arrival; of a line that goes on beyond it, the piece that lies in it. */
export async function linesOfChunk(chunk: OutputChunk): Promise<ChunkLine[]> {
  return (await piecesOfChunk(chunk)).map(({ bytes, ...piece }) => ({ ...piece, text: bytes.toString() }));
}

/** Those without an end come last. */
export async function piecesOfChunk(chunk: OutputChunk): Promise<LinePiece[]> {
  const cutter = new LineCutter({ stdout: chunk.stdout.line, stderr: chunk.stderr.line });
  for (const record of await decodeChunk(chunk)) cutter.add(record);
  return cutter.finish();
}

/** Cuts records into lines and puts what lies in several of them together again. */
class LineCutter {
  readonly #pieces: LinePiece[] = [];
  readonly #number: Positions;
  readonly #open: Partial<Record<Stream, { bytes: Buffer[]; at: Date }>> = {};

  constructor(number: Positions) {
    this.#number = number;
  }

  add({ stream, kind, at, bytes }: OutputRecord): void {
    if (kind === 'gap') return this.#emit({ stream, line: null, at, bytes, kind, isPartial: false });
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      const open = this.#open[stream];
      delete this.#open[stream];
      const rest = bytes.subarray(from, end);
      from = end + 1;
      this.#emit({
        stream,
        line: this.#number[stream]++,
        at: open?.at ?? at,
        bytes: open ? Buffer.concat([...open.bytes, rest]) : rest,
        kind,
        isPartial: false,
      });
    }
    if (from === bytes.length) return;
    const open = (this.#open[stream] ??= { bytes: [], at });
    open.bytes.push(bytes.subarray(from));
  }

  finish(): LinePiece[] {
    for (const stream of streams) {
      const open = this.#open[stream];
      if (!open) continue;
      const bytes = Buffer.concat(open.bytes);
      this.#emit({ stream, line: this.#number[stream], at: open.at, bytes, kind: 'text', isPartial: true });
    }
    return this.#pieces;
  }

  #emit(piece: Omit<LinePiece, 'index'>): void {
    this.#pieces.push({ ...piece, index: this.#pieces.length });
  }
}
