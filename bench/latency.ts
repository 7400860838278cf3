/**
 * Goal 4: from the submit to the first instruction, one job at a time on an idle system. Ours is a program of its own,
 * submitted over HTTP; its first instruction reads the monotonic clock. The handlers of the peers start the same program.
 * Beside that stand bare handlers: functions in a process that already runs, whose first statement reads the clock.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { compile } from './compile.ts';
import { alternate, atMost, type Bench, median, say } from './harness.ts';
import { celeryPeer, nodePeer, packageVersion, type Peer } from './peers.ts';
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
    const file = compile(program, join(server.folder, 'scripts'));
    if (file === null) return server.close().then(() => []);
    const env = { BENCH_PROGRAM: file };
    const [celery, bullmq] = [celeryPeer(env), nodePeer('bullmq', env)];
    try {
      if (bullmq) say(`  ${packageVersion('bullmq')}`);
      const p50 = (peer: Peer, what: 'program' | 'latency') => async (): Promise<number> =>
        median(await peer.ask<number[]>(`${what} ${count}`));
      await measure(server, 10);
      const ms = await alternate(
        {
          Daybook: async () => median(await measure(server, count)),
          ...(celery ? { celery: p50(celery, 'program'), 'celery, bare': p50(celery, 'latency') } : {}),
          ...(bullmq ? { bullmq: p50(bullmq, 'program'), 'bullmq, bare': p50(bullmq, 'latency') } : {}),
        },
        { rounds, unit: 'ms' },
      );
      const row = { goal: '4', what: 'idle submit to first instruction, p50', unit: 'ms' };
      return [
        { side: 'celery', peer: "Celery's handler starts it", wanted: atMost(1) },
        { side: 'bullmq', peer: "BullMQ's handler starts it", wanted: atMost(1.2) },
        { side: 'celery, bare', peer: "Celery's bare handler", wanted: null },
        { side: 'bullmq, bare', peer: "BullMQ's bare handler", wanted: null },
      ].flatMap(({ side, ...against }) => {
        const theirs = ms[side];
        return theirs === undefined
          ? []
          : [{ ...row, ...against, ours: ms['Daybook'] ?? Number.NaN, theirs }];
      });
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
