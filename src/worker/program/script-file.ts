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

/** Null when it cannot be read. */
export async function readScript(file: string): Promise<ScriptFacts | null> {
  try {
    // Before it is read: what is written meanwhile makes a difference to look into, not one that is missed.
    const stamp = toStamp(await stat(file, { bigint: true }));
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
  } catch {
    return null; // gone, or not ours to read: the program's start will say so
  }
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
