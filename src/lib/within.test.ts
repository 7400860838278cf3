import { expect, it } from 'vitest';
import { within } from './within.ts';

it('hands on what comes in time, an error as well', async () => {
  await expect(within(Promise.resolve(7), 1_000, 'this')).resolves.toBe(7);
  await expect(within(Promise.reject(new Error('no')), 1_000, 'this')).rejects.toThrow('no');
});

it('gives up on what does not come, and ignores it later', async () => {
  const late = Promise.withResolvers<number>();
  await expect(within(late.promise, 1, 'the beat')).rejects.toThrow('the beat took longer than 1 ms');
  late.reject(new Error('nobody listens'));
});
