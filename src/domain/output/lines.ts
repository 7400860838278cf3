import { decodeChunk, type OutputRecord } from './chunk.ts';
import type { OutputChunk, OutputLine, StreamPositions as Positions } from './ports.ts';
import { streams, type Stream } from '../../contract/stream.ts';

/** A line with its place among those of its chunk. */
export type ChunkLine = OutputLine & { index: number };

/** The lines of one chunk in order of arrival; of a line that goes on beyond it, the piece that lies in it. */
export async function linesOfChunk(chunk: OutputChunk): Promise<ChunkLine[]> {
  const collector = new LineCollector({ limit: Infinity, isWanted: () => true });
  collector.startChunk(chunk);
  for (const record of await decodeChunk(chunk)) collector.add(record);
  return collector.finish().map((line, index) => ({ ...line, index }));
}

/** Cuts records into lines and puts pieces of one line together again. */
export class LineCollector {
  readonly lines: OutputLine[] = [];
  readonly #limit: number;
  readonly #isWanted: (line: number) => boolean;
  readonly #number: Positions = { stdout: 0, stderr: 0 };
  readonly #open: Partial<Record<Stream, { bytes: Buffer[]; at: Date }>> = {};
  #isFirst = true;
  /** Gaps do not count. */
  #count = 0;

  /** @param options.isWanted asked with a line's number; for a gap with that of the line behind it */
  constructor(options: { limit: number; isWanted: (line: number) => boolean }) {
    this.#limit = options.limit;
    this.#isWanted = options.isWanted;
  }

  startChunk(chunk: OutputChunk): void {
    if (!this.#isFirst) return;
    this.#isFirst = false;
    this.#number.stdout = chunk.stdout.line;
    this.#number.stderr = chunk.stderr.line;
  }

  /** Says whether the limit is reached. */
  add(record: OutputRecord): boolean {
    if (record.kind === 'gap') {
      return this.#emit({
        stream: record.stream,
        line: null,
        at: record.at,
        text: record.bytes.toString(),
        kind: 'gap',
        isPartial: false,
      });
    }
    let from = 0;
    for (let end = record.bytes.indexOf(10); end >= 0; end = record.bytes.indexOf(10, from)) {
      const open = this.#open[record.stream];
      delete this.#open[record.stream];
      const bytes = Buffer.concat([...(open?.bytes ?? []), record.bytes.subarray(from, end)]);
      from = end + 1;
      const line = this.#number[record.stream]++;
      const { stream, kind } = record;
      if (
        this.#emit({
          stream,
          line,
          at: open?.at ?? record.at,
          text: bytes.toString(),
          kind,
          isPartial: false,
        })
      )
        return true;
    }
    if (from < record.bytes.length) {
      const open = (this.#open[record.stream] ??= { bytes: [], at: record.at });
      open.bytes.push(record.bytes.subarray(from));
    }
    return false;
  }

  /** The lines, those without an end included. */
  finish(): OutputLine[] {
    for (const stream of streams) {
      const open = this.#open[stream];
      if (!open) continue;
      const text = Buffer.concat(open.bytes).toString();
      this.#emit({ stream, line: this.#number[stream], at: open.at, text, kind: 'text', isPartial: true });
    }
    return this.lines;
  }

  #emit(line: OutputLine): boolean {
    if (!this.#isWanted(line.line ?? this.#number[line.stream])) return false;
    this.lines.push(line);
    if (line.line !== null) this.#count += 1;
    return this.#count >= this.#limit;
  }
}
