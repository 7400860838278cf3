/*
 * Arrays as parameters in PostgreSQL's binary form (`array_recv`), which the driver sends on as it is: number of
 * dimensions, whether nulls are among them, type of the elements, their number, lower bound, then length and bytes of
 * each. As text an array costs the server five times as much to read.
 */

/** Object identifiers of types, the same in every PostgreSQL. */
const oids = { bytea: 17, bigint: 20, text: 25, json: 114, timestamptz: 1184, uuid: 2950 };

const headerBytes = 20;
/** Length of an element that is null. */
const isNull = -1;
/** 2000-01-01, from which PostgreSQL counts. */
const epochMs = 946_684_800_000;

/** A `bytea[]`. @param room to be used where it is large enough; otherwise there is a new one, and the array at its beginning */
export function encodeByteaArray(items: readonly Uint8Array[], room: Buffer = Buffer.alloc(0)): Buffer {
  const total = items.reduce((sum, item) => sum + 4 + item.length, headerBytes);
  const target = total <= room.length ? room : Buffer.allocUnsafeSlow(2 * total);
  let at = writeHeader(target, oids.bytea, items.length, false);
  for (const item of items) {
    target.writeInt32BE(item.length, at);
    target.set(item, at + 4);
    at += 4 + item.length;
  }
  return target.subarray(0, total);
}

/** A `bigint[]`. */
export function encodeBigintArray(items: readonly number[]): Buffer {
  return encodeLongs(oids.bigint, items, asItIs);
}

/** A `timestamptz[]`. @param items as `Date.parse` reads them */
export function encodeTimeArray(items: readonly string[]): Buffer {
  return encodeLongs(oids.timestamptz, items, toMicroseconds);
}

/** Exact in a double until the year 4283: it is a multiple of 1000. */
function toMicroseconds(time: string): number {
  return (Date.parse(time) - epochMs) * 1_000;
}

function asItIs(item: number): number {
  return item;
}

/** In two halves: a `BigInt` for each would cost more than the rest of the array. */
function encodeLongs<Item>(oid: number, items: readonly Item[], toLong: (item: Item) => number): Buffer {
  const target = Buffer.allocUnsafe(headerBytes + items.length * 12);
  let at = writeHeader(target, oid, items.length, false);
  for (const item of items) {
    const long = toLong(item);
    const high = Math.floor(long / 2 ** 32);
    target.writeInt32BE(8, at);
    target.writeInt32BE(high, at + 4);
    target.writeUInt32BE(long - high * 2 ** 32, at + 8);
    at += 12;
  }
  return target;
}

/** A `uuid[]`. */
export function encodeUuidArray(items: readonly string[]): Buffer {
  const target = Buffer.allocUnsafe(headerBytes + items.length * 20);
  let at = writeHeader(target, oids.uuid, items.length, false);
  for (const item of items) {
    target.writeInt32BE(16, at);
    target.write(item.replaceAll('-', ''), at + 4, 'hex');
    at += 20;
  }
  return target;
}

/** A `text[]`. */
export function encodeTextArray(items: readonly (string | null)[]): Buffer {
  return encodeStrings(oids.text, items);
}

/** A `json[]` of texts. */
export function encodeJsonArray(items: readonly (string | null)[]): Buffer {
  return encodeStrings(oids.json, items);
}

function encodeStrings(oid: number, items: readonly (string | null)[]): Buffer {
  const total = items.reduce(
    (sum, item) => sum + 4 + (item === null ? 0 : Buffer.byteLength(item)),
    headerBytes,
  );
  const target = Buffer.allocUnsafe(total);
  let at = writeHeader(target, oid, items.length, items.includes(null));
  for (const item of items) {
    const length = item === null ? 0 : target.write(item, at + 4);
    target.writeInt32BE(item === null ? isNull : length, at);
    at += 4 + length;
  }
  return target;
}

/** @returns where the first element begins */
function writeHeader(target: Buffer, oid: number, length: number, hasNulls: boolean): number {
  target.writeInt32BE(1, 0);
  target.writeInt32BE(hasNulls ? 1 : 0, 4);
  target.writeInt32BE(oid, 8);
  target.writeInt32BE(length, 12);
  target.writeInt32BE(1, 16);
  return headerBytes;
}
