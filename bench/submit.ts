/**
 * Goal 5: durable submits over HTTP at 50 connections, each answered after its commit, against the same server with
 * one statement for each, and against the same route that stores nothing, which is what HTTP leaves. Servers of the web
 * alone, so that nothing runs meanwhile; autocannon asks.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { alternate, atLeast, type Bench, say } from './harness.ts';
import { installPackages, packageVersion } from './peers.ts';
import { type BenchServer, startServer } from './server.ts';

const connections = 50;
const autocannon = join(import.meta.dirname, 'node_modules/.bin/autocannon');

export const submitBench: Bench = {
  name: 'submit',
  goals: '5',
  summary: 'durable HTTP submits at 50 connections, against one statement for each and none at all',
  count: 5,
  usesDatabase: true,
  run: async ({ count: seconds, rounds, database }) => {
    if (!installPackages()) return [];
    const entry = join(import.meta.dirname, 'submit-server.ts');
    const gathered = await startServer({ database, entry });
    const single = await startServer({ database, entry, env: { BENCH_STORES: 'each' } });
    const none = await startServer({ database, entry, env: { BENCH_STORES: 'none' } });
    try {
      say(`  ${packageVersion('autocannon')}, ${connections} connections, ${seconds} s each`);
      for (const server of [gathered, single, none]) await submits(server, 2);
      const rates = await alternate(
        {
          gathered: () => submits(gathered, seconds),
          single: () => submits(single, seconds),
          none: () => submits(none, seconds),
        },
        { rounds, unit: 'submits/s' },
      );
      const row = {
        goal: '5',
        what: 'durable submits over HTTP, 50 connections',
        unit: 'submits/s',
        ours: rates['gathered'] ?? Number.NaN,
      };
      return [
        { ...row, peer: 'one statement each', theirs: rates['single'] ?? null, wanted: atLeast(2) },
        {
          ...row,
          peer: 'the same route, storing nothing',
          theirs: rates['none'] ?? null,
          wanted: atLeast(0.5),
        },
      ];
    } finally {
      await gathered.close();
      await single.close();
      await none.close();
    }
  },
};

/** Submits a second that were answered with success; anything else is an error of the bench. */
async function submits(server: BenchServer, seconds: number): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    autocannon,
    ...`--json -n -m POST -c ${connections} -d ${seconds}`.split(' '),
    '-H',
    `authorization=${server.authorization}`,
    '-H',
    'content-type=application/json',
    '-b',
    JSON.stringify({ kind: 'script', input: { script: 'true' } }),
    `${server.url}/api/v1/jobs`,
  ]);
  const { requests, errors, non2xx } = JSON.parse(stdout) as {
    requests: { average: number };
    errors: number;
    non2xx: number;
  };
  if (errors + non2xx > 0) throw new Error(`${errors} errors, ${non2xx} answers that were no success`);
  return requests.average;
}
