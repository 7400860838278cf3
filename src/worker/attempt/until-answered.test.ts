import { expect, it } from 'vitest';
import { LateSignal } from '../../lib/late-signal.ts';
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
    { until: new LateSignal(), onFailure: (error) => told.push(error) },
  );
  expect(answer).toEqual({ answer: 'here' });
  expect(told).toEqual([passing, passing]);
});

it('throws at once what does not pass', async () => {
  const told: unknown[] = [];
  const asking = untilAnswered(() => Promise.reject(new Error('wrong')), {
    until: new LateSignal(),
    isPassing: (error) => error === passing,
    onFailure: (error) => told.push(error),
  });
  await expect(asking).rejects.toThrow('wrong');
  expect(told).toEqual([]);
});

it('gives up when it is told to, also in a pause', async () => {
  const stop = new LateSignal<string>();
  const asking = untilAnswered(() => Promise.reject(passing), {
    until: stop,
    onFailure: () => stop.abort('over'),
  });
  expect(await asking).toBeNull();
  expect(await untilAnswered(() => Promise.resolve(1), { until: stop, onFailure: () => {} })).toBeNull();
});
