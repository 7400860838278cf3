/**
 * Reads what `copy … to stdout (format binary)` sends (PostgreSQL, SQL command COPY, "Binary Format"):
 *
 *     header = signature (11 bytes) · flags (int32) · length of an extension (int32) · extension
 *     row    = number of fields (int16), then for each its length (int32, -1: null) and its bytes
 *     end    = -1 (int16)
 *
 * Bytes may come cut anywhere.
 */
const signature = Buffer.from('PGCOPY\n\u00FF\r\n\0', 'latin1');
const fixedHeaderBytes = signature.length + 8;
/** Of the flags: who does not know what one of these means must not read on. */
const criticalFlags = 0xffff_0000;

/** Null fields are null. */
export type CopiedRow = readonly (Buffer | null)[];

const nothing: Buffer = Buffer.alloc(0);

export class BinaryCopyDecoder {
  #rest = nothing;
  #place: 'header' | 'rows' | 'end' = 'header';

  /**
   * The rows that are complete now. Their fields are views of the bytes, which are not looked at again.
   * @throws Error when it is no such data
   */
  push(bytes: Buffer): CopiedRow[] {
    const source = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const rows: CopiedRow[] = [];
    let at = this.#place === 'header' ? this.#readHeader(source) : 0;
    while (this.#place === 'rows' && at + 2 <= source.length) {
      const count = source.readInt16BE(at);
      if (count === -1) {
        this.#place = 'end';
        at += 2;
        break;
      }
      const read = readFields(source, at + 2, count);
      if (!read) break;
      rows.push(read.row);
      at = read.next;
    }
    if (this.#place === 'end' && at < source.length) throw new Error('something follows the end of a COPY');
    this.#rest = at === source.length ? nothing : Buffer.from(source.subarray(at));
    return rows;
  }

  /** @throws Error when the end did not come */
  finish(): void {
    if (this.#place !== 'end') throw new Error('a COPY ended before its end');
  }

  /** @returns where the rows begin; 0 while not all of the header is there */
  #readHeader(source: Buffer): number {
    const begin = source.subarray(0, signature.length);
    if (!begin.equals(signature.subarray(0, begin.length))) throw new Error('this is no COPY in binary form');
    if (source.length < fixedHeaderBytes) return 0;
    const flags = source.readUInt32BE(signature.length);
    if ((flags & criticalFlags) !== 0)
      throw new Error(`a COPY with flags unknown here: ${flags.toString(16)}`);
    const end = fixedHeaderBytes + source.readUInt32BE(signature.length + 4);
    if (source.length < end) return 0;
    this.#place = 'rows';
    return end;
  }
}

/** Null while not all of the row is there. */
function readFields(source: Buffer, from: number, count: number): { row: CopiedRow; next: number } | null {
  const row: (Buffer | null)[] = [];
  let at = from;
  for (let field = 0; field < count; field += 1) {
    if (at + 4 > source.length) return null;
    const length = source.readInt32BE(at);
    at += 4;
    if (length === -1) {
      row.push(null);
      continue;
    }
    if (at + length > source.length) return null;
    row.push(source.subarray(at, at + length));
    at += length;
  }
  return { row, next: at };
}
