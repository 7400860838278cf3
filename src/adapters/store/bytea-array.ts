/** Object identifier of the type `bytea`, the same in every PostgreSQL. */
const byteaOid = 17;
const headerBytes = 20;

/**
 * A `bytea[]` in PostgreSQL's binary form (`array_recv`), which the driver sends on as it is: number of dimensions,
 * whether nulls are among them, type of the elements, their number, lower bound, then length and bytes of each.
 */
export function encodeByteaArray(items: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeInt32BE(1, 0);
  header.writeInt32BE(byteaOid, 8);
  header.writeInt32BE(items.length, 12);
  header.writeInt32BE(1, 16);
  return Buffer.concat([
    header,
    ...items.flatMap((item) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(item.length);
      return [length, item];
    }),
  ]);
}
