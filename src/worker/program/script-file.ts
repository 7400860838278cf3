import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';

/** Texts up to this size are kept in the record. */
const maxTextBytes = 256 * 1024;

export interface ScriptFacts {
  sha256: string;
  sizeBytes: number;
  /** Null when it is larger than what is kept, or no text. */
  text: string | null;
  /** Tells cheaply that nothing was written since. */
  stamp: string;
}

/** Of scripts that ran before, by path, the last used last: to read one again costs more than the rest of its start. */
const known = new Map<string, ScriptFacts>();

/** With the largest texts they take 16 MiB. */
const mostKnown = 64;

/** What was written later than that before a look may be written once more without a sign: clocks of file systems tick. */
const settledMs = 1_000;

/** Null when it cannot be read. */
export async function readScript(file: string): Promise<ScriptFacts | null> {
  try {
    // Before it is read: what is written meanwhile makes a difference to look into, not one that is missed.
    const found = await stat(file, { bigint: true });
    const stamp = toStamp(found);
    const before = known.get(file);
    const facts = before?.stamp === stamp ? before : await read(file, stamp);
    if (found.isFile() && Date.now() - Number(found.ctimeMs) > settledMs) remember(file, facts);
    return facts;
  } catch {
    return null; // gone, or not ours to read: the program's start will say so
  }
}

async function read(file: string, stamp: string): Promise<ScriptFacts> {
  const hash = createHash('sha256');
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(piece);
    sizeBytes += piece.length;
    if (sizeBytes <= maxTextBytes) pieces.push(piece);
  }
  const text = sizeBytes <= maxTextBytes ? toText(Buffer.concat(pieces)) : null;
  return { sha256: hash.digest('hex'), sizeBytes, text, stamp };
}

function remember(file: string, facts: ScriptFacts): void {
  known.delete(file);
  known.set(file, facts);
  const [oldest] = known.keys();
  if (known.size > mostKnown && oldest !== undefined) known.delete(oldest);
}

/** Whether another file stands there now. Without a stamp, of an earlier life, it is read. */
export async function isScriptChanged(
  file: string,
  before: { sha256: string; stamp: string | null },
): Promise<boolean> {
  try {
    if (before.stamp !== null && toStamp(await stat(file, { bigint: true })) === before.stamp) return false;
    return (await hashFile(file)) !== before.sha256;
  } catch {
    return true; // removed
  }
}

function toText(bytes: Buffer): string | null {
  return isUtf8(bytes) && !bytes.includes(0) ? bytes.toString() : null;
}

function toStamp({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

/** SHA-256 in hexadecimal. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
