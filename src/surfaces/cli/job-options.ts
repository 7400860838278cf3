import type { Command } from 'commander';
import { collect } from './command-parts.ts';

/** What may be said of a job wherever it is submitted, now or by a schedule. */
export function withJobOptions(command: Command): Command {
  return command
    .option('-q, --queue <name>', 'where it waits')
    .option('-p, --priority <number>', 'higher runs first; -1000 to 1000')
    .option('-l, --label <label>', 'what a worker must offer; may be repeated', collect)
    .option('--lane <key>', 'a counted limit that it needs a place in; may be repeated', collect)
    .option('--key <text>', 'of all jobs with this key, one runs at a time')
    .option('--timeout <time>', 'limit for each try: 90, 10m, 2h')
    .option('--retries <number>', 'how often to try again after a failure')
    .option('--name <text>', 'what lists show')
    .option('--project <text>', 'project it belongs to')
    .option('--tag <text>', 'may be repeated', collect)
    .option('--kind <kind>', 'another kind than script; needs --input; "daybook kinds" lists them')
    .option('--input <json>', 'the whole input of the kind as JSON; @file reads a file, - standard input');
}
