import { describe, expect, it } from 'vitest';
import { Gather } from './gather.ts';

/** Batches as they come; each is answered when the test says so. */
function createDesk(options: { maxItems: number; maxRunning?: number }) {
  const batches: { items: number[]; answer(): void; fail(error: Error): void }[] = [];
  const gather = new Gather<number, string>((items) => {
    const { promise, resolve, reject } = Promise.withResolvers<string[]>();
    batches.push({ items, answer: () => resolve(items.map((item) => `<${item}>`)), fail: reject });
    return promise;
  }, options);
  return { gather, batches };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('gathering', () => {
  it('hands on together, in order, what came within one turn', async () => {
    const { gather, batches } = createDesk({ maxItems: 10 });
    const answers = Promise.all([1, 2, 3].map((item) => gather.add(item)));
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([[1, 2, 3]]);
    batches[0]?.answer();
    expect(await answers).toEqual(['<1>', '<2>', '<3>']);
  });

  it('collects while a batch is under way, never more than one at a time unless told', async () => {
    const { gather, batches } = createDesk({ maxItems: 10 });
    const first = gather.add(1);
    await turn();
    const later = Promise.all([2, 3].map((item) => gather.add(item)));
    await turn();
    await turn();
    expect(batches).toHaveLength(1);
    batches[0]?.answer();
    await first;
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([[1], [2, 3]]);
    batches[1]?.answer();
    expect(await later).toEqual(['<2>', '<3>']);
  });

  it('cuts what is too much for one batch, and leaves nothing behind', async () => {
    const { gather, batches } = createDesk({ maxItems: 2 });
    const answers = Promise.all([1, 2, 3, 4, 5].map((item) => gather.add(item)));
    for (let at = 0; at < 3; at += 1) {
      await turn();
      batches[at]?.answer();
      await turn();
    }
    expect(await answers).toEqual(['<1>', '<2>', '<3>', '<4>', '<5>']);
    expect(batches.map(({ items }) => items)).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('runs as many batches at once as told, and not one more', async () => {
    const { gather, batches } = createDesk({ maxItems: 10, maxRunning: 2 });
    const answers: Promise<string>[] = [];
    for (const item of [1, 2, 3]) {
      answers.push(gather.add(item));
      await turn();
    }
    expect(batches.map(({ items }) => items)).toEqual([[1], [2]]);
    batches[1]?.answer();
    expect(await answers[1]).toBe('<2>');
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([[1], [2], [3]]);
    batches[0]?.answer();
    batches[2]?.answer();
    expect(await Promise.all(answers)).toEqual(['<1>', '<2>', '<3>']);
  });
});

describe('a batch that fails', () => {
  it('rejects its own items and not those of the next', async () => {
    const { gather, batches } = createDesk({ maxItems: 2 });
    const answers = Promise.allSettled([1, 2, 3].map((item) => gather.add(item)));
    await turn();
    batches[0]?.fail(new Error('the database went away'));
    await turn();
    await turn();
    batches[1]?.answer();
    const reason = new Error('the database went away');
    expect(await answers).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
      { status: 'fulfilled', value: '<3>' },
    ]);
  });

  it('rejects an item that a batch left without an answer, and answers the others', async () => {
    const gather = new Gather<number, string>(async () => ['one'], { maxItems: 10 });
    const answers = await Promise.allSettled([gather.add(1), gather.add(2)]);
    expect(answers[0]).toEqual({ status: 'fulfilled', value: 'one' });
    expect(answers[1]).toMatchObject({ status: 'rejected', reason: { message: /fewer items/ } });
  });
});
