import { frameBytes, type Stream, type StreamOffsets } from './protocol.ts';
import type { SpillFile } from './spill-file.ts';

export interface OutputBudget {
  memoryBytes: number;
  spillBytes: number;
}

export const defaultBudget: OutputBudget = { memoryBytes: 32 * 1024 * 1024, spillBytes: 1024 ** 3 };

interface Frame {
  /** Order of arrival over both streams of the program. */
  order: number;
  offset: number;
  at: number;
  length: number;
  /** May have room at its end for more. Null: in the spill file at `position`. */
  bytes: Buffer | null;
  position: number;
  /** How often it was taken to be sent and is not yet: longer than it is kept, where a connection hangs. */
  underWay: number;
}

export interface KeptFrame {
  stream: Stream;
  offset: number;
  at: number;
  bytes: Buffer;
  /** To be called once the bytes are written, or never will be: what comes next may take their place. */
  onWritten(): void;
}

/** Full rooms that are kept for the next frames: fresh memory costs more than all else that is done with it. */
const mostSpareRooms = 16;

/** Frames this young and small grow instead of becoming many. */
const coalesceMs = 5;

/** The uncommitted output of all programs, in memory first, then in the spill file. */
export class OutputStore {
  readonly #spill: SpillFile;
  readonly #budget: OutputBudget;
  readonly #waiting = new Set<() => void>();
  readonly #spare: Buffer[] = [];
  /** Of the rooms in which frames lie. */
  #memoryBytes = 0;

  constructor(spill: SpillFile, budget: OutputBudget) {
    this.#spill = spill;
    this.#budget = budget;
  }

  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  get spilledBytes(): number {
    return this.#spill.sizeBytes;
  }

  /** Takes ownership of nothing: bytes are copied. False: kept, but take no more from this program. */
  keep(frame: Frame, bytes: Uint8Array): boolean {
    if (this.#memoryBytes + roomFor(bytes.length) <= this.#budget.memoryBytes) {
      this.#put(frame, bytes);
      return true;
    }
    const position = this.#spill.sizeBytes < this.#budget.spillBytes ? this.#spill.append(bytes) : null;
    if (position === null) {
      this.#put(frame, bytes);
      return false;
    }
    frame.position = position;
    return this.#spill.sizeBytes < this.#budget.spillBytes;
  }

  grow(frame: Frame, bytes: Uint8Array): boolean {
    const total = frame.length + bytes.length;
    if (!frame.bytes || total > frameBytes) return false;
    if (frame.bytes.length < total) {
      const room = roomFor(Math.min(frameBytes, 2 * total));
      const more = room - frame.bytes.length;
      if (this.#memoryBytes + more > this.#budget.memoryBytes) return false;
      const larger = this.#room(room);
      frame.bytes.copy(larger, 0, 0, frame.length);
      frame.bytes = larger;
      this.#memoryBytes += more;
    }
    frame.bytes.set(bytes, frame.length);
    frame.length = total;
    return true;
  }

  /** The bytes of a frame from one of them on. */
  take(frame: Frame, from: number): Pick<KeptFrame, 'bytes' | 'onWritten'> {
    if (frame.bytes) {
      frame.underWay += 1;
      return { bytes: frame.bytes.subarray(from, frame.length), onWritten: () => (frame.underWay -= 1) };
    }
    const room = this.#room(roomFor(frame.length - from));
    const bytes = room.subarray(0, frame.length - from);
    this.#spill.read(frame.position + from, bytes);
    return { bytes, onWritten: () => this.#giveBack(room) };
  }

  release(frame: Frame): void {
    if (!frame.bytes) return this.#spill.release(frame.length);
    this.#memoryBytes -= frame.bytes.length;
    // A connection that hangs, or was replaced, may still read it. Then it is the garbage collector's.
    if (frame.underWay === 0) this.#giveBack(frame.bytes);
  }

  #put(frame: Frame, bytes: Uint8Array): void {
    frame.bytes = this.#room(roomFor(bytes.length));
    frame.bytes.set(bytes);
    this.#memoryBytes += frame.bytes.length;
  }

  #room(bytes: number): Buffer {
    if (bytes < frameBytes) return Buffer.allocUnsafe(bytes);
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(bytes);
  }

  #giveBack(room: Buffer): void {
    if (room.length === frameBytes && this.#spare.length < mostSpareRooms) this.#spare.push(room);
  }

  /** Calls back once, when there is room again. */
  whenRoom(resume: () => void): void {
    this.#waiting.add(resume);
  }

  stopWaiting(resume: () => void): void {
    this.#waiting.delete(resume);
  }

  /** To be called after releasing: with half the memory free, or half the file, all that wait go on. */
  wakeWaiting(): void {
    if (this.#waiting.size === 0) return;
    const hasRoom =
      this.#memoryBytes <= this.#budget.memoryBytes / 2 ||
      this.#spill.sizeBytes <= this.#budget.spillBytes / 2;
    if (!hasRoom) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }
}

/** Large frames lie in rooms that are all alike, so that each serves for the next. */
function roomFor(bytes: number): number {
  return bytes > frameBytes / 2 ? Math.max(bytes, frameBytes) : bytes;
}

/** The kept output of one program. Reading moves `sent`; committing drops from the front. */
export class ProgramOutput {
  readonly #store: OutputStore;
  readonly #frames: Record<Stream, FrameQueue>;
  #order = 0;
  #lastStream: Stream = 'stdout';

  /** @param start what the first byte of each stream is numbered */
  constructor(store: OutputStore, start: StreamOffsets = { stdout: 0, stderr: 0 }) {
    this.#store = store;
    this.#frames = { stdout: new FrameQueue(start.stdout), stderr: new FrameQueue(start.stderr) };
  }

  get ends(): StreamOffsets {
    return { stdout: this.#frames.stdout.end, stderr: this.#frames.stderr.end };
  }

  get starts(): StreamOffsets {
    return { stdout: this.#frames.stdout.start, stderr: this.#frames.stderr.start };
  }

  /** Sent since the last commit. */
  get underWayBytes(): number {
    const { stdout, stderr } = this.#frames;
    return Math.max(0, stdout.sent - stdout.committed) + Math.max(0, stderr.sent - stderr.committed);
  }

  /** False: kept, but take no more from this program until the store has room. */
  append(stream: Stream, bytes: Uint8Array, at: number): boolean {
    const queue = this.#frames[stream];
    const last = queue.last;
    const mayGrow =
      last && stream === this.#lastStream && last.offset >= queue.sent && at - last.at <= coalesceMs;
    if (mayGrow && this.#store.grow(last, bytes)) {
      queue.end += bytes.length;
      return true;
    }
    const frame: Frame = {
      order: this.#order++,
      offset: queue.end,
      at,
      length: bytes.length,
      bytes: null,
      position: 0,
      underWay: 0,
    };
    const goOn = this.#store.keep(frame, bytes);
    queue.push(frame);
    this.#lastStream = stream;
    return goOn;
  }

  get hasUnsent(): boolean {
    return (
      this.#frames.stdout.sent < this.#frames.stdout.end || this.#frames.stderr.sent < this.#frames.stderr.end
    );
  }

  /** The next frame in order of arrival, from where the last one ended. */
  takeUnsent(): KeptFrame | null {
    const stdout = this.#frames.stdout.nextUnsent;
    const stderr = this.#frames.stderr.nextUnsent;
    if (!stdout && !stderr) return null;
    const stream = !stderr || (stdout && stdout.order < stderr.order) ? 'stdout' : 'stderr';
    const frame = stream === 'stdout' ? stdout : stderr;
    if (!frame) return null;
    const queue = this.#frames[stream];
    const from = queue.sent - frame.offset;
    queue.sent = frame.offset + frame.length;
    const { bytes, onWritten } = this.#store.take(frame, from);
    return { stream, offset: frame.offset + from, at: frame.at, bytes, onWritten };
  }

  /** Sends again from there; never from before what was dropped. */
  rewind(from: StreamOffsets): void {
    this.#frames.stdout.rewind(from.stdout);
    this.#frames.stderr.rewind(from.stderr);
  }

  committed(upTo: StreamOffsets): void {
    this.#frames.stdout.drop(upTo.stdout, this.#store);
    this.#frames.stderr.drop(upTo.stderr, this.#store);
    this.#store.wakeWaiting();
  }

  forget(): void {
    this.committed(this.ends);
  }
}

class FrameQueue {
  end: number;
  sent: number;
  committed: number;
  #frames: Frame[] = [];
  #first = 0;
  #unsent = 0;

  constructor(start: number) {
    this.end = start;
    this.sent = start;
    this.committed = start;
  }

  get start(): number {
    return this.#frames[this.#first]?.offset ?? this.end;
  }

  get last(): Frame | undefined {
    return this.#frames.at(-1);
  }

  get nextUnsent(): Frame | undefined {
    for (let frame = this.#frames[this.#unsent]; frame; frame = this.#frames[this.#unsent]) {
      if (frame.offset + frame.length > this.sent) return frame;
      this.#unsent += 1;
    }
    return undefined;
  }

  push(frame: Frame): void {
    this.#frames.push(frame);
    this.end += frame.length;
  }

  rewind(offset: number): void {
    this.sent = Math.min(Math.max(offset, this.start), this.end);
    this.#unsent = this.#first;
  }

  drop(upTo: number, store: OutputStore): void {
    this.committed = Math.max(this.committed, Math.min(upTo, this.end));
    for (let frame = this.#frames[this.#first]; frame; frame = this.#frames[this.#first]) {
      if (frame.offset + frame.length > this.committed) break;
      store.release(frame);
      this.#first += 1;
    }
    this.#unsent = Math.max(this.#unsent, this.#first);
    this.sent = Math.max(this.sent, Math.min(this.committed, this.end));
    // Cut the front in large pieces: shift() for each frame is quadratic.
    if (this.#first > 1024 || this.#first === this.#frames.length) {
      this.#frames = this.#frames.slice(this.#first);
      this.#unsent -= this.#first;
      this.#first = 0;
    }
  }
}
