import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stream } from '../../../src/contract/stream.ts';

/** What a job of the fault tests is asked to do. */
export interface PrintTask {
  /** Names the task; its evidence lies in the file of that name. */
  key: number;
  /** Lines on each stream. */
  lines: number;
  /** Pauses between blocks of lines: how many, and how long each. */
  pauses: number;
  pauseMs: number;
  exitCode: number;
  /** Attempts before this number exit with 3. */
  failsBefore: number;
  /** What it leaves behind: a child in the background, one in a session of its own. */
  forks: 'nothing' | 'child' | 'session';
  /** Reports at the end, each a member of the result with a name of its own. */
  reports: number;
}

export const printerName = 'printer.sh';

/**
 * Says in a file of its own that it began, that it still runs, and that it came to its end, each in one write and with
 * the time of the machine; prints numbered lines with a check number in between.
 */
export const printerScript = `#!/bin/bash
key=$1 lines=$2 pauses=$3 pause=$4 code=$5 fails=$6 forks=$7 reports=$8
evidence="$HOME/evidence/$key"
tell() {
  read -r up _ < /proc/uptime
  echo "$DAYBOOK_JOB_ID $DAYBOOK_ATTEMPT $1 $up" >> "$evidence"
}
tell start
case $forks in
  child) sleep 300 & ;;
  session) setsid sleep 300 & ;;
esac
block=$(( lines / (pauses + 1) + 1 ))
for (( i = 0; i < lines; i++ )); do
  echo "out $key $i $(( (key * 7919 + i * 104729) % 99991 ))"
  echo "err $key $i $(( (key * 7907 + i * 104723) % 99989 ))" >&2
  if (( i % block == block - 1 )); then sleep "$pause"; tell alive; fi
done
for (( i = 0; i < reports; i++ )); do echo "{\\"daybook\\":{\\"result\\":{\\"k$i\\":$i},\\"progress\\":0.$i}}"; done
tell end
if (( DAYBOOK_ATTEMPT < fails )); then exit 3; fi
exit "$code"
`;

export function toArguments(task: PrintTask): [string, string][] {
  const { key, lines, pauses, pauseMs, exitCode, failsBefore, forks, reports } = task;
  return [key, lines, pauses, pauseMs / 1000, exitCode, failsBefore, forks, reports].map((word) => [
    '',
    String(word),
  ]);
}

export function expectedOutput({ key, lines, reports }: PrintTask, stream: Stream): string {
  let text = '';
  for (let i = 0; i < lines; i += 1) {
    text +=
      stream === 'stdout'
        ? `out ${key} ${i} ${(key * 7919 + i * 104729) % 99991}\n`
        : `err ${key} ${i} ${(key * 7907 + i * 104723) % 99989}\n`;
  }
  if (stream === 'stdout')
    for (let i = 0; i < reports; i += 1) text += `{"daybook":{"result":{"k${i}":${i}},"progress":0.${i}}}\n`;
  return text;
}

export function expectedExit(task: PrintTask, attempt: number): number {
  return attempt < task.failsBefore ? 3 : task.exitCode;
}

export interface Evidence {
  jobId: number;
  attempt: number;
  event: 'start' | 'alive' | 'end';
  /** Of the clock that all programs of the machine share; in hundredths. */
  atMs: number;
}

/** What truly ran, in the order in which it happened. */
export function readEvidence(home: string, key: number): Evidence[] {
  let text: string;
  try {
    text = readFileSync(join(home, 'evidence', String(key)), 'utf8');
  } catch {
    return []; // it never ran
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [jobId, attempt, event, seconds] = line.split(' ');
      return {
        jobId: Number(jobId),
        attempt: Number(attempt),
        event: event as Evidence['event'],
        atMs: Number(seconds) * 1000,
      };
    });
}
