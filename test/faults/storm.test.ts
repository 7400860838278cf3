import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runStorm, type StormReport } from '../storm/run-storm.ts';
import type { StormOptions } from '../storm/storm.ts';
import { undoings, type UndoName } from '../storm/undo.ts';

const seed = Date.now() % 1_000_000;

/** Those that a storm of seconds has; the others are for `npm run test:long -- storm --undo`. */
const soonFound: readonly UndoName[] = [
  'lanes counted from what was granted',
  'a cancel beats a retry by policy',
  'running attempts are locked in order',
  'the feed waits for whoever has begun',
  'a submit is claimed only where nothing waits in any place of the worker',
  'a submit is not claimed where it counts in a limit',
];

let database: TestDatabase | undefined;

async function blow(options: Partial<StormOptions> = {}): Promise<StormReport> {
  database = await createTestDatabase();
  return runStorm({ url: database.url, seconds: 7, seed, ...options });
}

afterEach(async () => {
  await database?.drop();
  database = undefined;
});

describe(`every move at once by many (seed ${seed})`, () => {
  it('leaves each job in one place, with the history that leads there, and loses, doubles and strands none', async () => {
    // What a storm is about has happened, or it says nothing; on a busy machine it takes a second one.
    const wanted = [
      'claimed',
      'submit: claimed',
      'end: applied to scheduled',
      'cancel: running',
      'removed',
      'found lost',
    ];
    const done = new Set<string>();
    for (let storms = 0; storms < 4 && wanted.some((one) => !done.has(one)); storms += 1) {
      const { faults, tally } = await blow({ seed: seed + storms });
      await database?.drop();
      expect(faults).toEqual([]);
      for (const one of Object.keys(tally)) done.add(one);
    }
    expect([...done]).toEqual(expect.arrayContaining(wanted));
  });

  it('leaves nothing else behind when backends are killed in the middle of what they do', async () => {
    const { faults, tally } = await blow({ hasKills: true });
    expect(faults).toEqual([]);
    expect(tally['killed']).toBeGreaterThan(0);
  });
});

describe('the oracle finds what follows without the rule that', () => {
  it.each(soonFound)('%s', async (undo) => {
    const { finds } = undoings[undo];
    // What it follows from is a matter of chance; of so many storms one has it.
    for (let storms = 0; storms < 6; storms += 1) {
      const { faults } = await blow({ undo, seconds: 3, seed: seed + storms });
      await database?.drop();
      if (finds.test(faults.join('\n'))) return;
      // Nothing else comes of it.
      expect(faults).toEqual([]);
    }
    expect.unreachable('no storm had it');
  });
});
