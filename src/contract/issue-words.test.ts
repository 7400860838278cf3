import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import './issue-words.ts';

describe('what is wrong with what people sent is said in words', () => {
  it.each<[string, z.ZodType, unknown]>([
    ['expected at least one', z.array(z.string()).min(1), []],
    ['expected at least 2 items', z.array(z.string()).min(2), ['a']],
    ['expected at most 1 items, got 2', z.array(z.string()).max(1), ['a', 'b']],
    ['expected text, got none', z.string().min(1), ''],
    ['expected at most 3 characters, got 5', z.string().max(3), 'abcde'],
    ['expected a number, at least 1', z.int().min(1), 0],
    ['expected a number, more than 0', z.number().positive(), 0],
    ['expected a number, at most 9', z.number().max(9), 10],
    ['expected a whole number, got 1.5', z.int(), 1.5],
    ['expected a number, got none', z.coerce.number(), 'x'],
    ['expected a list, got text', z.tuple([z.string(), z.string()]), 'month=3'],
    ['expected at least 2 items', z.tuple([z.string(), z.string()]), ['a']],
    ['expected an object, got a list', z.record(z.string(), z.string()), []],
    ['expected an object, got null', z.strictObject({}), null],
    ['expected one of a, b', z.enum(['a', 'b']), 'c'],
    ['expected true', z.literal(true), false],
    ['expected a UUID', z.uuid(), 'x'],
    [
      'expected a date and time with a zone, such as 2026-11-22T02:44:13Z',
      z.iso.datetime({ offset: true }),
      'today',
    ],
    ['expected text that matches /^a+$/', z.string().regex(/^a+$/), 'b'],
    ['say a', z.string().regex(/^a+$/, 'say a'), 'b'],
  ])('%s', (words, schema, value) => {
    expect(schema.safeParse(value).error?.issues[0]?.message).toBe(words);
  });
});
