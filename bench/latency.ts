/**
 * Goal 4: from the submit to the first instruction, one job at a time on an idle system. Ours is a program of its own,
 * submitted over HTTP; its first instruction reads the monotonic clock. The peers run a function in a process that
 * already runs, and its first statement reads the same clock.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { compile } from './compile.ts';
import { alternate, atMost, type Bench, median, say } from './harness.ts';
import { celeryPeer, nodePeer, packageVersion } from './peers.ts';
import { type BenchServer, startServer, untilEnded } from './server.ts';

const program = 'first-instruction';

export const latencyBench: Bench = {
  name: 'latency',
  goals: '4',
  summary:
    'idle submit to the first instruction of the program, p50, against the handlers of Celery and BullMQ',
  count: 50,
  usesDatabase: true,
  run: async ({ count, rounds, database }) => {
    const server = await startServer({ database });
    if (compile(program, join(server.folder, 'scripts')) === null) return server.close().then(() => []);
    const [celery, bullmq] = [celeryPeer(), nodePeer('bullmq')];
    try {
      if (bullmq) say(`  ${packageVersion('bullmq')}`);
      const p50 = async (peer: NonNullable<typeof celery>): Promise<number> =>
        median(await peer.ask<number[]>(`latency ${count}`));
      await measure(server, 10);
      const ms = await alternate(
        {
          Daybook: async () => median(await measure(server, count)),
          ...(celery ? { celery: () => p50(celery) } : {}),
          ...(bullmq ? { bullmq: () => p50(bullmq) } : {}),
        },
        { rounds, unit: 'ms' },
      );
      const row = { goal: '4', what: 'idle submit to first instruction, p50', unit: 'ms' };
      const ours = ms['Daybook'] ?? Number.NaN;
      return [
        { ...row, ours, peer: "Celery's handler", theirs: ms['celery'] ?? null, wanted: atMost(1) },
        { ...row, ours, peer: "BullMQ's handler", theirs: ms['bullmq'] ?? null, wanted: atMost(1.4) },
      ].filter(({ theirs }) => theirs !== null);
    } finally {
      await Promise.all([celery?.close(), bullmq?.close()]);
      await server.close();
    }
  },
};

async function measure(server: BenchServer, count: number): Promise<number[]> {
  const delays: number[] = [];
  for (let sample = 0; sample < count; sample += 1) {
    await delay(30);
    const sentAt = process.hrtime.bigint();
    const { id } = await server.call<{ id: number }>('POST', '/jobs', {
      kind: 'script',
      input: { script: program },
    });
    // Nobody asks for anything while it is measured.
    await delay(100);
    await untilEnded(server, id);
    const { lines } = await server.call<{ lines: { text: string }[] }>('GET', `/jobs/${id}/output`);
    delays.push(Number(BigInt(lines[0]?.text ?? 0) - sentAt) / 1e6);
  }
  return delays;
}
