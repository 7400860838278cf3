import type { ChunkPacker } from './chunk-packer.ts';
import { headerBytes, type OutputRecord, type PackedChunk, writeRecord } from './chunk.ts';
import type { StreamPositions } from './ports.ts';

const noRoom = Buffer.alloc(0);

/** A chunk that grows: its records are put together in the form in which they are compressed. */
export class ChunkBuilder {
  readonly number: number;
  /** Bytes of each stream before it, and before what follows it. */
  readonly start: StreamPositions;
  readonly end: StreamPositions;
  readonly #packer: ChunkPacker;
  #room: Buffer = noRoom;
  #length = 0;
  #startedAt: Date | null = null;
  #lastAt: Date | null = null;
  #packed: Promise<PackedChunk> | null = null;

  constructor(packer: ChunkPacker, number: number, start: StreamPositions) {
    this.#packer = packer;
    this.number = number;
    this.start = start;
    this.end = { ...start };
  }

  /** Bytes of its records, what leads them included. */
  get length(): number {
    return this.#length;
  }

  /** Of its first record. */
  get startedAt(): Date | null {
    return this.#startedAt;
  }

  /** Of its newest record. */
  get lastAt(): Date | null {
    return this.#lastAt;
  }

  add(record: OutputRecord): void {
    this.#startedAt ??= record.at;
    this.#lastAt = record.at;
    this.#reserve(this.#length + headerBytes + record.bytes.length);
    this.#length = writeRecord(this.#room, this.#length, record, this.#startedAt);
    if (record.kind !== 'gap') this.end[record.stream] += record.bytes.length;
  }

  copy(): ChunkBuilder {
    const copy = new ChunkBuilder(this.#packer, this.number, this.start);
    copy.#reserve(this.#length);
    this.#room.copy(copy.#room, 0, 0, this.#length);
    copy.#length = this.#length;
    copy.#startedAt = this.#startedAt;
    copy.#lastAt = this.#lastAt;
    Object.assign(copy.end, this.end);
    return copy;
  }

  /** Compresses it, once. Nothing may be added from then on. */
  pack(): Promise<PackedChunk> {
    this.#packed ??= this.#packer.pack(this.#room, this.#length);
    return this.#packed;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#room.length) return;
    const larger = this.#packer.room(bytes);
    this.#room.copy(larger, 0, 0, this.#length);
    this.#room = larger;
  }
}
