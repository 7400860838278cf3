/** Object identifier of the type `bytea`, the same in every PostgreSQL. */
const byteaOid = 17;
const headerBytes = 20;

/**
 * A `bytea[]` in PostgreSQL's binary form (`array_recv`), which the driver sends on as it is: number of dimensions,
 * whether nulls are among them, type of the elements, their number, lower bound, then length and bytes of each.
 * @param room to be used where it is large enough; otherwise there is a new one, and the array at its beginning
 */
export function encodeByteaArray(items: readonly Uint8Array[], room: Buffer = Buffer.alloc(0)): Buffer {
  const total = items.reduce((sum, item) => sum + 4 + item.length, headerBytes);
  const target = total <= room.length ? room : Buffer.allocUnsafeSlow(2 * total);
  target.writeInt32BE(1, 0);
  target.writeInt32BE(0, 4);
  target.writeInt32BE(byteaOid, 8);
  target.writeInt32BE(items.length, 12);
  target.writeInt32BE(1, 16);
  let at = headerBytes;
  for (const item of items) {
    target.writeInt32BE(item.length, at);
    target.set(item, at + 4);
    at += 4 + item.length;
  }
  return target.subarray(0, total);
}
