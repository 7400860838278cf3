import type { Attempt, Job, JobEvent } from '../../../../src/contract/job.ts';
import { expectedExit, expectedOutput, readEvidence, type Evidence } from '../printer.ts';
import type { Incident } from './incidents.ts';
import type { Submitted } from './load.ts';
import { lanes, type Site } from './site.ts';
import { streams } from '../../../../src/contract/stream.ts';

/** What became of one job, from every side. */
export interface JobRecord {
  submitted: Submitted;
  job: Job;
  attempts: Attempt[];
  events: JobEvent[];
  evidence: Evidence[];
  /** One per attempt, in order. */
  outputs: AttemptOutput[];
}

interface AttemptOutput {
  stdout: string;
  stderr: string;
  gaps: string[];
}

const gapMark = /\n\[daybook: output is missing here: [^\n]*\]\n/g;

export async function readRecord(site: Site, submitted: Submitted): Promise<JobRecord> {
  const { client } = site;
  const { id } = submitted;
  const [job, attempts, events] = [await client.job(id), await client.attempts(id), await client.events(id)];
  const outputs: AttemptOutput[] = [];
  for (const { number } of attempts) {
    const [stdout, stderr] = await Promise.all(streams.map((stream) => client.download(id, stream, number)));
    const isMarked = stdout?.includes('[daybook: output is missing') ?? false;
    outputs.push({
      stdout: stdout?.toString().replaceAll(gapMark, '') ?? '',
      stderr: stderr?.toString().replaceAll(gapMark, '') ?? '',
      gaps: isMarked ? await client.gaps(id, number) : [],
    });
  }
  return { submitted, job, attempts, events, evidence: readEvidence(site.home, submitted.task.key), outputs };
}

/** Everything that contradicts a promise, one sentence each. */
export function findViolations(record: JobRecord, incidents: readonly Incident[], leaseMs: number): string[] {
  return [
    ...identity(record),
    ...ends(record),
    ...runs(record),
    ...sideBySide(record),
    ...policy(record),
    ...reports(record),
    ...record.attempts.flatMap((attempt) => [
      ...outcome(record, attempt, incidents),
      ...lostCause(record, attempt, { incidents, leaseMs }),
      ...output(record, attempt, incidents),
    ]),
  ];
}

function identity({ submitted, job, evidence }: JobRecord): string[] {
  return [
    job.uid === submitted.uid ? '' : `was acknowledged as ${submitted.uid} and is ${job.uid}`,
    evidence.every(({ jobId }) => jobId === submitted.id) ? '' : 'its program ran for another job as well',
  ].filter(Boolean);
}

/** Each attempt begins once and ends once, and so does the job. */
function ends({ job, attempts, events }: JobRecord): string[] {
  const found: string[] = [];
  const endNames = ['succeeded', 'failed', 'cancelled', 'released'];
  const ofAttempt = (event: JobEvent): number | undefined =>
    (event.data as { attempt?: number } | null)?.attempt;
  attempts.forEach(({ number, state }, index) => {
    if (number !== index + 1) found.push(`attempt ${number} stands at place ${index + 1}`);
    if (state === 'running') found.push(`attempt ${number} still runs`);
    const claims = events.filter((event) => event.name === 'claimed' && ofAttempt(event) === number).length;
    const finals = events.filter(
      (event) => endNames.includes(event.name) && ofAttempt(event) === number,
    ).length;
    if (claims !== 1) found.push(`attempt ${number} was claimed ${claims} times`);
    if (finals !== 1) found.push(`attempt ${number} has ${finals} ends`);
  });
  if (job.attempt !== attempts.length)
    found.push(`the job is at attempt ${job.attempt} of ${attempts.length}`);
  const jobEnds = events.filter(
    ({ name, data }) =>
      ['succeeded', 'failed', 'cancelled'].includes(name) && !(data as { next?: string } | null)?.next,
  );
  if (jobEnds.length !== 1) found.push(`the job has ${jobEnds.length} ends`);
  if (jobEnds.at(-1)?.name !== job.state)
    found.push(`the job is ${job.state}, its last event ${jobEnds.at(-1)?.name}`);
  const last = attempts.at(-1);
  if (last && last.state !== job.state && job.state !== 'cancelled')
    found.push(`the job is ${job.state}, its last attempt ${last.state}`);
  return found;
}

/** Nothing ran twice that may run once. */
function runs({ submitted, attempts, evidence }: JobRecord): string[] {
  const found: string[] = [];
  for (const event of ['start', 'end'] as const) {
    const numbers = evidence.filter((line) => line.event === event).map(({ attempt }) => attempt);
    for (const number of new Set(numbers)) {
      const times = numbers.filter((other) => other === number).length;
      if (times > 1) found.push(`the program of attempt ${number} said "${event}" ${times} times`);
    }
  }
  const started = new Set(evidence.map(({ attempt }) => attempt));
  if (started.size > submitted.tries)
    found.push(`ran ${started.size} times, ${submitted.tries} were allowed`);
  for (const number of started) {
    const attempt = attempts.find((one) => one.number === number);
    if (!attempt) found.push(`attempt ${number} ran and is not there`);
    else if (attempt.state === 'released') found.push(`attempt ${number} ran and counts as never begun`);
  }
  return found;
}

/** An attempt has ended, truly, before the next one begins. */
function sideBySide({ evidence }: JobRecord): string[] {
  const turns = evidence.map(({ attempt }) => attempt).filter((one, index, all) => one !== all[index - 1]);
  return turns.some((one, index) => turns.indexOf(one) !== index)
    ? [`its attempts ran side by side: ${turns.join(', ')}`]
    : [];
}

/** No more programs at once than their lane has places. */
export function findCrowds(records: readonly JobRecord[]): string[] {
  return Object.entries(lanes).flatMap(([lane, capacity]) => {
    const runs = records
      .filter(({ submitted }) => submitted.lanes.includes(lane))
      .flatMap(({ evidence }) =>
        [...Map.groupBy(evidence, ({ attempt }) => attempt).values()].map((signs) => ({
          name: `${signs[0]?.jobId}.${signs[0]?.attempt}`,
          fromMs: signs[0]?.atMs ?? 0,
          toMs: signs.at(-1)?.atMs ?? 0,
        })),
      );
    return runs.flatMap(({ name, fromMs }) => {
      const others = runs.filter((other) => other.fromMs < fromMs && other.toMs > fromMs);
      if (others.length < capacity) return [];
      const names = others.map((other) => other.name).join(', ');
      return [`${name} ran beside ${names} in lane ${lane}, which has ${capacity} places`];
    });
  });
}

function policy({ submitted, job, attempts }: JobRecord): string[] {
  const found: string[] = [];
  const tries = attempts.filter(({ state }) => state !== 'released');
  if (tries.length > submitted.tries)
    found.push(`has ${tries.length} tries, ${submitted.tries} were allowed`);
  const last = tries.at(-1);
  const isRetried = last?.reason === 'lost' || last?.reason === 'exit';
  if (job.state === 'failed' && submitted.tries > tries.length && isRetried)
    found.push(`gave up after ${tries.length} of ${submitted.tries} tries`);
  if (job.state === 'cancelled' && !submitted.wasCancelled)
    found.push('is cancelled and nobody asked for that');
  return found;
}

/** Whoever came to its end has all it reported, whatever happened to its worker. */
function reports({ submitted, job, attempts }: JobRecord): string[] {
  const last = attempts.at(-1);
  if (last?.state !== 'succeeded' && last?.reason !== 'exit') return [];
  const found = Object.keys(job.result ?? {}).length;
  return found === submitted.task.reports
    ? []
    : [`reported ${submitted.task.reports} members, ${found} are there`];
}

function outcome(
  { submitted, evidence }: JobRecord,
  attempt: Attempt,
  incidents: readonly Incident[],
): string[] {
  const { number, state, reason, exitCode } = attempt;
  const name = `attempt ${number}`;
  const hasEnded = evidence.some((line) => line.attempt === number && line.event === 'end');
  const isLost = reason === 'lost';
  if (attempt.lateResults.length > 0 && !isLost) return [`${name} is ${state} and has late results`];
  if (state === 'released' || state === 'cancelled' || isLost) return [];
  const wasKilled = incidents.some(({ child }) => child?.jobId === submitted.id && child.number === number);
  if (reason === 'signal') return wasKilled ? [] : [`${name} was ended by ${attempt.signal}, and not by us`];
  if (state !== 'succeeded' && reason !== 'exit') return [`${name} failed by ${reason}: ${attempt.message}`];
  const expected = expectedExit(submitted.task, number);
  return [
    exitCode === expected ? '' : `${name} has exit code ${exitCode}, the program exited with ${expected}`,
    hasEnded ? '' : `${name} is ${state}, and its program never came to its end`,
    (state === 'succeeded') === (exitCode === 0) ? '' : `${name} is ${state} with exit code ${exitCode}`,
  ].filter(Boolean);
}

function wasFenced({ reason, message }: Attempt): boolean {
  return reason === 'lost' && (message?.includes('its program was ended') ?? false);
}

/**
 * An attempt is lost only when its launcher died, or its worker was silent for a lease while somebody watched; one that
 * could be started a second time also when nobody did, and a little earlier.
 */
function lostCause(
  { submitted }: JobRecord,
  attempt: Attempt,
  { incidents, leaseMs }: { incidents: readonly Incident[]; leaseMs: number },
): string[] {
  const { number, reason, message, claimedAt, endedAt } = attempt;
  if (reason !== 'lost') return [];
  const isFenced = wasFenced(attempt);
  if (isFenced && submitted.tries === 1 && submitted.lanes.length === 0)
    return [`attempt ${number} was ended by a fence, and nothing could have been started in its place`];
  const from = Date.parse(claimedAt);
  const to = Date.parse(endedAt ?? claimedAt);
  const cause = incidents.find((incident) => {
    // A launch on its way to a launcher that is dead already is lost as well.
    if (incident.launcherDied && incident.from <= to && incident.to + 1_500 >= from) return true;
    // Whatever ended it, at a named point or not: on a busy machine its next start alone may take a lease. It beats five
    // times a lease, so that its last beat may be a fifth of a lease older than its end.
    const wasSilent = incident.isWatched && incident.workerSilentMs > leaseMs * 0.8;
    // Whatever kept a beat from the database, on top of the fifth of a lease that the last one may be old.
    const wasUnheard = isFenced && incident.to - incident.from > leaseMs * 0.4;
    return (wasSilent || wasUnheard) && incident.from <= to && incident.to >= from;
  });
  return cause ? [] : [`attempt ${number} is lost without a reason (${message})`];
}

function output(record: JobRecord, attempt: Attempt, incidents: readonly Incident[]): string[] {
  const { submitted, evidence } = record;
  const { number, state, reason } = attempt;
  const found = record.outputs[number - 1];
  if (!found) return [];
  const name = `attempt ${number} (${reason ?? state})`;
  const problems: string[] = [];
  let isComplete = true;
  for (const stream of streams) {
    const expected = expectedOutput(submitted.task, stream);
    if (found[stream] === expected) continue;
    isComplete = false;
    if (!expected.startsWith(found[stream]))
      problems.push(`${name} has ${stream} that is no beginning of what it printed`);
  }
  const endedByItself = state === 'succeeded' || reason === 'exit';
  if (endedByItself && !isComplete)
    problems.push(
      `${name} ended by itself, and of its output are there ${found.stdout.length} + ${found.stderr.length} bytes`,
    );
  const launcherDied = incidents.some((incident) => incident.launcherDied);
  if (state === 'succeeded' && found.gaps.length > 0)
    problems.push(`${name} has a gap: ${found.gaps.join('; ')}`);
  if (endedByItself && !launcherDied && found.gaps.length > 0) problems.push(`${name} has a needless gap`);
  // A worker that came back has told how much the program printed until it was ended.
  const isAccountedFor = attempt.lateResults.some(({ outcome: late }) => {
    const bytes = late as { stdoutBytes: number | null; stderrBytes: number | null };
    return bytes.stdoutBytes === found.stdout.length && bytes.stderrBytes === found.stderr.length;
  });
  const hasStarted = evidence.some((line) => line.attempt === number);
  // What a fence ended has told how much it printed as well.
  if (
    reason === 'lost' &&
    !wasFenced(attempt) &&
    hasStarted &&
    !isComplete &&
    !isAccountedFor &&
    found.gaps.length === 0
  )
    problems.push(`${name} misses output and shows no gap`);
  return problems;
}
