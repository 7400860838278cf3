import { setTimeout as wait } from 'node:timers/promises';

const askEveryMs = 50;

/** No busy machine takes so long, and whoever is frozen does. */
export const longestAnswerMs = 10_000;

/** An answer that came late, or had not come when we gave up. Times as in `Date.now()`. */
export interface LateAnswer {
  from: number;
  to: number;
}

export interface Health {
  answers: number;
  late: LateAnswer[];
}

/** Asks `/healthz` over and over until the signal. That nobody listens is no finding: servers are killed here. */
export async function watchHealth(url: string, signal: AbortSignal): Promise<Health> {
  const health: Health = { answers: 0, late: [] };
  while (!signal.aborted) {
    const from = Date.now();
    const isAnswered = await ask(`${url}/healthz`);
    const to = Date.now();
    if (isAnswered) health.answers += 1;
    if (to - from > longestAnswerMs) health.late.push({ from, to });
    await wait(askEveryMs);
  }
  return health;
}

async function ask(address: string): Promise<boolean> {
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(longestAnswerMs * 2) });
    await answer.arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
