import { once } from 'node:events';
import { expect, it } from 'vitest';
import type { ScheduleRun } from '../../src/contract/schedule.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const periodMs = 2_000;

/** Kills a server that has just seen a due second, twice, and looks at what became of each moment since the first. */
it('every moment of a schedule is submitted exactly once over restarts at the due second', async () => {
  let server = await startServer();
  try {
    writeFileSync(join(server.folder, 'scripts', 'tick.sh'), '#!/bin/sh\necho tick\n', { mode: 0o755 });
    const made = await server.call('POST', '/api/v1/schedules', {
      name: 'tick',
      cron: '*/2 * * * * *',
      timezone: 'UTC',
      overlap: 'allow',
      submit: { kind: 'script', input: { script: 'tick.sh' } },
    });
    expect(made.status).toBe(201);
    await atLeast(server, 2);
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      // The kill is to come at the due second, which only the clock tells.
      await new Promise((resolve) => setTimeout(resolve, periodMs - (Date.now() % periodMs)));
      server.process.kill(signal);
      await once(server.process, 'exit');
      server = await server.startAgain();
      const known = (await runsOf(server)).length;
      await atLeast(server, known + 2);
    }
    await server.call('PATCH', '/api/v1/schedules/tick', { paused: true });
    const runs = await pollUntil(
      () => runsOf(server),
      (found) => found.every(({ outcome }) => outcome === 'submitted'),
    );
    const moments = runs.map(({ dueAt }) => Date.parse(dueAt)).reverse();
    const first = moments[0] ?? 0;
    expect(moments).toEqual(moments.map((_, index) => first + index * periodMs));
    const jobs = runs.map(({ job }) => job?.id);
    expect(new Set(jobs).size).toBe(runs.length);
    const all = await server.call('GET', '/api/v1/jobs?limit=500&q=tag%3A%22schedule%3Atick%22');
    expect(all.json<{ items: unknown[] }>().items).toHaveLength(runs.length);
  } finally {
    await server.close();
  }
});

async function runsOf(server: TestServer): Promise<ScheduleRun[]> {
  const answer = await server.call('GET', '/api/v1/schedules/tick/runs?limit=500');
  return answer.json<{ items: ScheduleRun[] }>().items;
}

async function atLeast(server: TestServer, count: number): Promise<void> {
  await pollUntil(
    () => runsOf(server),
    (runs) => runs.length >= count,
  );
}
