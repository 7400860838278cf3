import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BinaryCopyDecoder } from './binary-copy.ts';

const signature = [...Buffer.from('PGCOPY\n'), 0xff, 0x0d, 0x0a, 0x00];
const int16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const int32 = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value >> shift) & 0xff);
const header = [...signature, ...int32(0), ...int32(0)];
const end = int16(-1);

type Fields = readonly (readonly number[] | null)[];

function toRow(fields: Fields): number[] {
  const parts = fields.flatMap((field) => (field ? [...int32(field.length), ...field] : int32(-1)));
  return [...int16(fields.length), ...parts];
}

function decode(pieces: readonly (readonly number[])[]): Fields[] {
  const decoder = new BinaryCopyDecoder();
  const rows = pieces.flatMap((piece) => {
    const bytes = Buffer.from(piece);
    const read = decoder.push(bytes).map((row) => row.map((field) => field && [...field]));
    // As the driver does, which reads what comes next into the same memory.
    bytes.fill(0xaa);
    return read;
  });
  decoder.finish();
  return rows;
}

const rows: Fields[] = [[[1, 2, 3], null, []], [], [null], [[0xff, 0xff], [0]]];
const whole = [...header, ...rows.flatMap(toRow), ...end];

describe('a COPY in binary form', () => {
  it('gives every row, with nulls and empty fields apart, wherever it is cut in two', () => {
    for (let at = 0; at <= whole.length; at += 1)
      expect(decode([whole.slice(0, at), whole.slice(at)])).toEqual(rows);
  });

  it('gives every row when each byte comes alone', () => {
    expect(decode(whole.map((byte) => [byte]))).toEqual(rows);
  });

  it('gives back any rows, cut anywhere', () => {
    const field = fc.option(fc.array(fc.nat(255), { maxLength: 40 }));
    const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(fc.array(field, { maxLength: 5 })), cuts, (made, sizes) => {
        const bytes = [...header, ...made.flatMap(toRow), ...end];
        const pieces: number[][] = [];
        for (let at = 0; at < bytes.length; at += pieces.at(-1)?.length ?? 0)
          pieces.push(bytes.slice(at, at + (sizes[pieces.length % sizes.length] ?? 1)));
        expect(decode(pieces)).toEqual(made);
      }),
    );
  });

  it('is read when there are no rows, and when its header is longer than needed', () => {
    expect(decode([[...header, ...end]])).toEqual([]);
    const longer = [...signature, ...int32(0xffff), ...int32(3), 9, 9, 9];
    expect(decode([longer, [...toRow([[7]]), ...end]])).toEqual([[[7]]]);
  });

  it('is refused when it is something else', () => {
    expect(() => decode([[...Buffer.from('1\tone\n')]])).toThrow('no COPY in binary form');
    expect(() => decode([[...signature, ...int32(1 << 16), ...int32(0), ...end]])).toThrow('flags');
    expect(() => decode([[...whole, 0]])).toThrow('follows the end');
    expect(() => decode([whole, [0]])).toThrow('follows the end');
  });

  it('is refused when it stops before its end', () => {
    for (let at = 0; at < whole.length; at += 1)
      expect(() => decode([whole.slice(0, at)])).toThrow('before its end');
  });
});
