/**
 * `npm run test:long -- NAME`: tests that take too long for every change. Without a name it lists them; what follows the
 * name goes to the test, whose own head says what it takes.
 */
import { spawnSync } from 'node:child_process';

const tests: Record<string, { about: string; command: readonly [string, ...string[]] }> = {
  'kill-loops': {
    about:
      '200 rounds of jobs whose server, worker, launcher and database are killed, held against what truly ran',
    command: ['test/faults/kill-loop.ts', '--rounds', '200'],
  },
  fuzz: {
    about: '10 000 requests made from the description of the API, none of which may fail unexpectedly',
    command: ['test/fuzz/api.ts', '--requests', '10000'],
  },
  memory: {
    about: 'an hour of mixed load, during which the memory of the server and of its launcher must not grow',
    command: ['test/long/memory.ts'],
  },
  storm: {
    about:
      'ten minutes of every move of jobs at once, by many clients, half of them with killed backends; nothing may be lost, doubled or stranded',
    command: ['test/long/storm.ts'],
  },
  ftp: {
    about:
      'FTP with a file of 2 GB, 50 000 files, 200 sessions, 100 000 fuzzed lines, and kill -9 of the server during uploads',
    command: ['test/long/ftp.ts'],
  },
  'one-long-line': {
    about: 'a job that prints one line of 560 MB, while the server must answer everybody else',
    command: ['test/long/one-long-line.ts'],
  },
};

const [name, ...options] = process.argv.slice(2);
const chosen = name === undefined || !Object.hasOwn(tests, name) ? undefined : tests[name];
if (chosen) {
  // A later option wins over one of the command.
  const { status } = spawnSync(process.execPath, [...chosen.command, ...options], { stdio: 'inherit' });
  process.exit(status ?? 1);
}
if (name !== undefined) console.error(`There is no long test "${name}". There are:`);
for (const [each, { about }] of Object.entries(tests)) console.log(`${each.padEnd(14)} ${about}`);
process.exitCode = 2;
