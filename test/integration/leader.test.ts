import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Leader } from '../../src/adapters/store/leader.ts';
import { silentLogger, type Logger } from '../../src/lib/logger.ts';
import type { Duty } from '../../src/lib/service.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { pollUntil } from '../support/poll.ts';

let database: TestDatabase;
const leaders: Leader[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
afterEach(async () => {
  await Promise.all(leaders.splice(0).map((leader) => leader.stop()));
});

async function lead(duties: Duty[], logger: Logger = silentLogger): Promise<Leader> {
  const leader = new Leader({ connection: { connectionString: database.url }, duties, logger });
  leaders.push(leader);
  await leader.start();
  return leader;
}

/** Goes on until it is told to end, and counts. */
function endless(name: string): Duty & { begun: number; ended: number } {
  return {
    name,
    begun: 0,
    ended: 0,
    async run(signal) {
      this.begun += 1;
      const { promise, resolve } = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
      this.ended += 1;
    },
  };
}

it('names a duty that fails in the log; all duties end, and begin anew', async () => {
  const warnings: unknown[] = [];
  const steady = endless('the steady one');
  const later = endless('the broken one, when it is well');
  let tries = 0;
  const broken: Duty = {
    name: 'the broken one',
    run: async (signal) => {
      tries += 1;
      if (tries === 1) throw new Error('broken');
      await later.run(signal);
    },
  };
  await lead([broken, steady], { ...silentLogger, warn: (fields) => warnings.push(fields) });
  await pollUntil(
    () => later.begun,
    (begun) => begun === 1,
  );
  expect([tries, steady.begun, steady.ended]).toEqual([2, 2, 1]);
  expect(warnings).toEqual([{ err: new Error('broken'), duty: 'the broken one' }]);
});

it('one leads at a time; when it stops its duties have ended, and another one takes over', async () => {
  const [first, second] = [endless('first'), endless('second')];
  const leader = await lead([first]);
  await pollUntil(
    () => first.begun,
    (begun) => begun === 1,
  );
  await lead([second]);
  expect(second.begun).toBe(0);
  await leader.stop();
  expect([first.begun, first.ended]).toEqual([1, 1]);
  await pollUntil(
    () => second.begun,
    (begun) => begun === 1,
  );
  expect(first.begun).toBe(1);
});
