import { expect, it } from 'vitest';
import { untilAnswered } from './until-answered.ts';

const passing = new Error('away');

it('asks again while the errors pass, and tells each', async () => {
  const told: unknown[] = [];
  let asked = 0;
  const answer = await untilAnswered(
    () => {
      asked += 1;
      return asked < 3 ? Promise.reject(passing) : Promise.resolve('here');
    },
    { signal: new AbortController().signal, onFailure: (error) => told.push(error) },
  );
  expect(answer).toEqual({ answer: 'here' });
  expect(told).toEqual([passing, passing]);
});

it('throws at once what does not pass', async () => {
  const told: unknown[] = [];
  const asking = untilAnswered(() => Promise.reject(new Error('wrong')), {
    signal: new AbortController().signal,
    isPassing: (error) => error === passing,
    onFailure: (error) => told.push(error),
  });
  await expect(asking).rejects.toThrow('wrong');
  expect(told).toEqual([]);
});

it('gives up when it is told to, also in a pause', async () => {
  const stop = new AbortController();
  const asking = untilAnswered(() => Promise.reject(passing), {
    signal: stop.signal,
    onFailure: () => stop.abort(),
  });
  expect(await asking).toBeNull();
  expect(
    await untilAnswered(() => Promise.resolve(1), { signal: stop.signal, onFailure: () => {} }),
  ).toBeNull();
});
