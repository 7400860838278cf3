import { setTimeout as wait } from 'node:timers/promises';
import { runToTheEnd } from './afterwards.ts';
import { duels } from './duels.ts';
import { elsewhere } from './elsewhere.ts';
import { house } from './house.ts';
import { judge } from './oracle.ts';
import { people } from './people.ts';
import { prepare } from './prepare.ts';
import { Storm, type StormOptions } from './storm.ts';
import { Follower, watchers } from './watchers.ts';
import { StormWorker } from './worker.ts';

export interface StormReport {
  /** What may never be and was; empty: all is well. */
  faults: string[];
  /** How often each thing was done. */
  tally: Record<string, number>;
  /** What the server refused, with how often. */
  refused: Record<string, number>;
}

/**
 * Every move of jobs at once, by many clients, with the product's own statements; then the oracle looks at what is left,
 * lets everything run to its end, and looks once more.
 */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  const storm = new Storm(options);
  const follower = new Follower();
  try {
    await prepare(storm);
    await follower.read(storm);
    storm.begin();
    const workers = [1, 2, 3, 4, 5].map((number) => new StormWorker(storm, number));
    const clients = [
      ...people(storm),
      ...duels(storm),
      ...workers.flatMap((worker) => worker.run()),
      ...house(storm),
      ...elsewhere(storm),
      ...watchers(storm, follower),
    ];
    await wait(options.seconds * 1_000);
    storm.end();
    await Promise.all(clients);
    storm.undo?.requireAll();
    const faults = await judge(storm, follower);
    // Where something is wrong already, the end is none.
    if (faults.length === 0) faults.push(...(await runToTheEnd(storm)));
    return { faults, tally: sorted(storm.tally), refused: sorted(storm.errors) };
  } finally {
    storm.end();
    await storm.close();
  }
}

function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([one], [other]) => one.localeCompare(other)));
}
