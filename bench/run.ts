/**
 * The benches of docs/performance.md, each one command:
 *
 *     npm run bench                     lists them
 *     npm run bench -- NAME [--count N] [--rounds N] [--database embedded|server]
 *     npm run bench -- all              every one, on both databases, and the whole table
 *     npm run bench -- all --install    the same, with the peers from Debian installed first (as root)
 *
 * `server` means the PostgreSQL that BENCH_DATABASE_URL names (default postgres://postgres@127.0.0.1:5432/postgres);
 * each bench makes a database of its own there and drops it.
 */
import { parseArgs } from 'node:util';
import { type Bench, type BenchOptions, describeMachine, type Figure, say, toTable } from './harness.ts';
import { ftpBench } from './ftp.ts';
import { idleBench } from './idle.ts';
import { latencyBench } from './latency.ts';
import { launcherBench } from './launcher.ts';
import { noOpBench } from './no-op.ts';
import { outputBench } from './output.ts';
import { installDebianPeers } from './peers.ts';
import { pagesBench } from './pages.ts';
import { programsBench } from './programs.ts';
import { searchBench } from './search.ts';
import { submitBench } from './submit.ts';
import { urlStatusBench } from './url-status.ts';
import { urlsBench } from './urls.ts';

const benches: readonly Bench[] = [
  noOpBench,
  programsBench,
  launcherBench,
  latencyBench,
  submitBench,
  searchBench,
  outputBench,
  idleBench,
  urlsBench,
  urlStatusBench,
  pagesBench,
  ftpBench,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    database: { type: 'string' },
    install: { type: 'boolean', default: false },
  },
});
const [name] = positionals;
const chosen = name === 'all' ? benches : benches.filter((bench) => bench.name === name);

if (chosen.length === 0) {
  for (const { name: each, goals, summary, count } of benches)
    say(`${each.padEnd(10)} goals ${goals.padEnd(5)} ${summary} (--count ${count})`);
  if (name !== undefined) {
    console.error(`There is no bench "${name}".`);
    process.exitCode = 2;
  }
} else {
  if (values.install) installDebianPeers();
  const rows: (Figure & { command: string })[] = [];
  for (const bench of chosen) {
    for (const database of databasesFor(bench)) rows.push(...(await runOne(bench, database)));
  }
  say(`\n${toTable(rows)}`);
}

async function runOne(
  bench: Bench,
  database: BenchOptions['database'],
): Promise<(Figure & { command: string })[]> {
  const count = values.count === undefined ? bench.count : wholeNumber(values.count);
  const rounds = wholeNumber(values.rounds);
  say(`\n${bench.name} (goals ${bench.goals}): ${bench.summary}`);
  say(`  ${describeMachine()}, ${database} PostgreSQL, count ${count}, ${rounds} rounds`);
  const flag = database === 'server' ? ' --database server' : '';
  const figures = await bench.run({ count, rounds, database });
  return figures.map((figure) => ({
    ...figure,
    what: bench.usesDatabase ? `${figure.what}, ${database} database` : figure.what,
    command: `npm run bench -- ${bench.name}${flag}`,
  }));
}

function databasesFor({ usesDatabase }: Bench): BenchOptions['database'][] {
  const { database } = values;
  if (database === 'embedded' || database === 'server') return [database];
  if (database !== undefined) throw new Error(`--database is embedded or server, not "${database}"`);
  return usesDatabase && name === 'all' ? ['embedded', 'server'] : ['embedded'];
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`expected a whole number above 0, got "${text}"`);
  return Number(text);
}
