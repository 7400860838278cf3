import { setTimeout as wait } from 'node:timers/promises';
import type { Job } from '../../../../src/contract/job.ts';
import { printerName, toArguments, type PrintTask } from '../printer.ts';
import type { Random } from '../random.ts';
import type { Site } from './site.ts';

/** A submit that was acknowledged, with what is known of its fate. */
export interface Submitted {
  id: number;
  uid: string;
  round: number;
  task: PrintTask;
  tries: 1 | 3;
  lanes: readonly string[];
  wasCancelled: boolean;
  /** The first answer got lost; a repetition brought it. */
  wasRepeated: boolean;
}

export interface Plan {
  task: PrintTask;
  tries: 1 | 3;
  lanes: readonly string[];
  /** When, after the acknowledgement. */
  cancelAfterMs: number | null;
  pauseBeforeMs: number;
}

const connections = 6;

/** What a round submits, decided before it begins so that a seed brings the same again. */
export function planLoad(random: Random, round: number): Plan[][] {
  return Array.from({ length: connections }, (_, connection) =>
    Array.from({ length: random.integer(3, 6) }, (__, index) => {
      const key = round * 1_000 + connection * 100 + index;
      const tries = random.chance(0.3) ? 3 : 1;
      return {
        task: planTask(random, key, tries),
        tries,
        lanes: random.pickWeighted([
          [[], 70],
          [['licence:x'], 15],
          [['licence:y'], 15],
        ] as const),
        cancelAfterMs: random.chance(0.1) ? random.integer(0, 800) : null,
        pauseBeforeMs: random.integer(0, 450),
      };
    }),
  );
}

function planTask(random: Random, key: number, tries: 1 | 3): PrintTask {
  const sort = random.pickWeighted([
    ['quick', 45],
    ['slow', 40],
    ['loud', 10],
    ['reporting', 6],
  ] as const);
  const isSlow = sort === 'slow';
  return {
    key,
    lines: sort === 'loud' ? random.integer(1_500, 4_000) : random.integer(1, 60),
    pauses: isSlow ? random.integer(2, 7) : 0,
    pauseMs: isSlow ? random.integer(50, 140) : 0,
    exitCode: random.chance(0.7) ? 0 : random.integer(1, 120),
    failsBefore: tries === 3 ? random.integer(1, 3) : 1,
    forks: random.pickWeighted([
      ['nothing', 80],
      ['child', 12],
      ['session', 8],
    ] as const),
    reports: sort === 'reporting' ? random.integer(2_000, 6_000) : 0,
  };
}

/** Submits over several connections; resolves when every submit is acknowledged and every cancel answered. */
export async function submitAll(site: Site, plans: readonly Plan[][], round: number): Promise<Submitted[]> {
  const lists = await Promise.all(
    plans.map(async (ofConnection) => {
      const submitted: Promise<Submitted>[] = [];
      for (const plan of ofConnection) {
        await wait(plan.pauseBeforeMs);
        const one = await submit(site, plan, round);
        submitted.push(
          plan.cancelAfterMs === null ? Promise.resolve(one) : cancel(site, one, plan.cancelAfterMs),
        );
      }
      return Promise.all(submitted);
    }),
  );
  return lists.flat();
}

async function submit(site: Site, { task, tries, lanes }: Plan, round: number): Promise<Submitted> {
  const body = {
    kind: 'script',
    input: { script: printerName, arguments: toArguments(task) },
    name: `round ${round}, ${task.key}`,
    lanes,
    idempotencyKey: `key ${task.key}`,
    ...(tries === 3 ? { retry: { attempts: 3, on: ['lost', 'exit'], initialMs: 10 } } : {}),
  };
  const answer = await site.client.persist('POST', '/api/v1/jobs', { body, timeoutMs: 2_000 });
  if (answer.status !== 200 && answer.status !== 201)
    throw new Error(`a submit was refused: ${answer.status} ${answer.body.toString()}`);
  const { id, uid } = JSON.parse(answer.body.toString()) as Job;
  return { id, uid, round, task, tries, lanes, wasCancelled: false, wasRepeated: answer.status === 200 };
}

async function cancel(site: Site, one: Submitted, afterMs: number): Promise<Submitted> {
  await wait(afterMs);
  const answer = await site.client.persist('POST', `/api/v1/jobs/${one.id}/cancel`);
  // 409: it has ended already, or an earlier try of this very call was the one.
  if (answer.status !== 202 && answer.status !== 409)
    throw new Error(`a cancel was refused: ${answer.status} ${answer.body.toString()}`);
  return { ...one, wasCancelled: answer.status === 202 || answer.tries > 1 };
}
