/**
 * Goal 11: everything embedded and idle: memory of the process tree (PSS, so that what processes share counts once),
 * and the time from the start of the process on existing data to its ready line.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { findProcesses } from '../test/support/faults/processes.ts';
import { alternate, atMost, type Bench, say } from './harness.ts';
import { drainDefaultQueue, type BenchServer, startServer, submitAll } from './server.ts';

export const idleBench: Bench = {
  name: 'idle',
  goals: '11',
  summary: 'everything embedded: memory after COUNT seconds idle, and the start on existing data',
  count: 30,
  usesDatabase: false,
  run: async ({ count: seconds, rounds }) => {
    const database = 'embedded';
    let server = await startServer({ database });
    await submitAll(
      server,
      Array.from({ length: 1_000 }, () => ({ kind: 'script', input: { script: 'true' } })),
    );
    await drainDefaultQueue(server);
    const { folder } = server;
    const restart = async (): Promise<number> => {
      await server.close({ keepsData: true });
      server = await startServer({ database, folder });
      return server.startMs / 1000;
    };
    try {
      const starts = await alternate({ start: restart }, { rounds, unit: 's' });
      const memory = await alternate(
        { memory: () => idleMemory(server, seconds) },
        { rounds: 1, unit: 'MB' },
      );
      const row = { goal: '11', peer: null, theirs: null };
      return [
        {
          ...row,
          what: `memory of the process tree, idle for ${seconds} s`,
          unit: 'MB',
          ours: memory['memory'] ?? Number.NaN,
          wanted: atMost(220),
        },
        {
          ...row,
          what: 'start on existing data',
          unit: 's',
          ours: starts['start'] ?? Number.NaN,
          wanted: atMost(1.5),
        },
      ];
    } finally {
      await server.close();
    }
  },
};

async function idleMemory(server: BenchServer, seconds: number): Promise<number> {
  await delay(seconds * 1000);
  const { pid = 0 } = server.process;
  const parts = findProcesses(server.folder).map(({ pid: each, role }) => ({
    role: role as string,
    pids: withChildren(each),
  }));
  const all = [{ role: 'server', pids: [pid] }, ...parts].map(({ role, pids }) => ({
    role,
    mb: pids.reduce((sum, each) => sum + pssMb(each), 0),
  }));
  say(`  ${all.map(({ role, mb }) => `${role} ${mb.toFixed(0)} MB`).join(', ')}`);
  return all.reduce((sum, { mb }) => sum + mb, 0);
}

function withChildren(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [pid, ...children.split(' ').flatMap((child) => (child === '' ? [] : withChildren(Number(child))))];
}

function pssMb(pid: number): number {
  const [, kib] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
  return (Number(kib) * 1024) / 1e6;
}
