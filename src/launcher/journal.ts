import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { readBootId } from './proc.ts';
import type { StartTicks } from './protocol.ts';

/** A program that an earlier life of the launcher started and nobody has forgotten. */
export interface JournalEntry {
  key: string;
  /** Null when the launcher died between the mark before the start and the one after it. */
  pid: number | null;
  startTicks: StartTicks | null;
  token: string | null;
}

type Line =
  | ['boot', string]
  | ['start', string, string | null]
  | ['pid', string, number, StartTicks | null]
  | ['forget', string];

const compactAboveBytes = 1024 * 1024;

/**
 * Which keys were ever started, one JSON array a line. The marks before starts are written at once, so that a key
 * cannot run twice; the others wait for the next write of a start or the end of the turn: losing them makes a
 * key known for longer, or its process found by its token instead of its pid. No fsync: what must be survived
 * is a killed process; after a power cut no program runs, and the worker's database knows the attempts.
 */
export class Journal {
  readonly #path: string;
  readonly #entries = new Map<string, JournalEntry>();
  readonly #bootId = readBootId();
  #fd: number;
  #sizeBytes = 0;
  #pending = '';
  #isFlushSet = false;

  private constructor(path: string) {
    this.#path = path;
    for (const entry of readEntries(path, this.#bootId)) this.#entries.set(entry.key, entry);
    this.#fd = this.#rewrite();
  }

  /** Reads what an earlier life left and starts a new file with it. */
  static open(path: string): { journal: Journal; lost: JournalEntry[] } {
    const journal = new Journal(path);
    return { journal, lost: [...journal.#entries.values()] };
  }

  knows(key: string): boolean {
    return this.#entries.has(key);
  }

  /** On disk (as far as a killed process goes) when this returns, by one write. @throws when it cannot be written: none is */
  willStart(programs: readonly Pick<JournalEntry, 'key' | 'token'>[]): void {
    const before = this.#pending;
    for (const { key, token } of programs) this.#add(['start', key, token]);
    try {
      this.flush();
    } catch (error) {
      this.#pending = before;
      throw error;
    }
    for (const { key, token } of programs)
      this.#entries.set(key, { key, pid: null, startTicks: null, token });
  }

  hasStarted(key: string, pid: number, startTicks: StartTicks | null): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    entry.pid = pid;
    entry.startTicks = startTicks;
    this.#add(['pid', key, pid, startTicks]);
  }

  forget(key: string): void {
    if (this.#entries.delete(key)) this.#add(['forget', key]);
  }

  /** @throws when the disk has no room; then nothing is lost, and the next write tries again */
  flush(): void {
    if (this.#pending === '') return;
    const bytes = Buffer.from(this.#pending);
    // At a place of our own, so that what a full disk cut short is written over.
    for (let written = 0; written < bytes.length;)
      written += writeSync(this.#fd, bytes, written, bytes.length - written, this.#sizeBytes + written);
    this.#sizeBytes += bytes.length;
    this.#pending = '';
    if (this.#sizeBytes > compactAboveBytes) this.#compact();
  }

  close(): void {
    this.#tryToFlush();
    closeSync(this.#fd);
  }

  #add(line: Line): void {
    this.#pending += `${JSON.stringify(line)}\n`;
    if (this.#isFlushSet) return;
    this.#isFlushSet = true;
    setImmediate(() => {
      this.#isFlushSet = false;
      this.#tryToFlush();
    });
  }

  #tryToFlush(): void {
    try {
      this.flush();
    } catch {
      // What waits only makes a key known for longer; the next start writes it, or is refused.
    }
  }

  #compact(): void {
    try {
      const old = this.#fd;
      this.#fd = this.#rewrite();
      closeSync(old);
    } catch {
      // Only longer than it need be.
    }
  }

  #rewrite(): number {
    const lines: Line[] = [['boot', this.#bootId]];
    for (const { key, pid, startTicks, token } of this.#entries.values()) {
      lines.push(['start', key, token]);
      if (pid !== null) lines.push(['pid', key, pid, startTicks]);
    }
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const next = `${this.#path}.next`;
    const fd = openSync(next, 'w', 0o600);
    try {
      writeFileSync(fd, text);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    renameSync(next, this.#path);
    this.#sizeBytes = Buffer.byteLength(text);
    return fd;
  }
}

/** What the file says, without opening it for writing: for `daybook doctor`. */
export function peekJournal(path: string): JournalEntry[] {
  return [...readEntries(path, readBootId())];
}

function readEntries(path: string, bootId: string): Iterable<JournalEntry> {
  const entries = new Map<string, JournalEntry>();
  let isThisBoot = false;
  for (const text of readLines(path)) {
    const line = parseLine(text);
    if (!line) continue;
    switch (line[0]) {
      case 'boot':
        isThisBoot = line[1] === bootId;
        break;
      case 'start':
        entries.set(line[1], { key: line[1], pid: null, startTicks: null, token: line[2] });
        break;
      case 'pid': {
        const entry = entries.get(line[1]);
        // After a reboot the same pid and start time may be anybody.
        if (entry && isThisBoot) [entry.pid, entry.startTicks] = [line[2], line[3]];
        break;
      }
      case 'forget':
        entries.delete(line[1]);
        break;
    }
  }
  return entries.values();
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function parseLine(text: string): Line | null {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null; // the last line may be torn
  }
}
