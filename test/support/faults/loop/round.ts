import type { JobSummary } from '../../../../src/contract/job.ts';
import { pollUntil } from '../../poll.ts';
import { zombiesOf } from '../processes.ts';
import type { Random } from '../random.ts';
import { findCrowds, findViolations, readRecord, type JobRecord } from './check.ts';
import { perform, planIncidents, type Incident } from './incidents.ts';
import { watchHealth, type Health } from './health.ts';
import { planLoad, submitAll, type Submitted } from './load.ts';
import type { Site } from './site.ts';

export interface RoundResult {
  records: JobRecord[];
  incidents: Incident[];
  /** Its answers to somebody who asked all the time. */
  health: Health;
  isLinked: boolean;
  violations: string[];
  /** One line: what was done when. */
  story: string;
}

const endDeadlineMs = 60_000;
const checkers = 6;

/** A burst of jobs, faults meanwhile, then a full account. */
export async function runRound(site: Site, random: Random, round: number): Promise<RoundResult> {
  const plans = planLoad(random, round);
  const planned = planIncidents(random, site.mode, site.leaseMs);
  const isLinked = random.chance(0.3);
  await site.placeBehindLinks(isLinked);
  const startedAt = Date.now();
  const isOver = new AbortController();
  const watching = watchHealth(site.client.url, isOver.signal);
  const performAll = async (): Promise<Incident[]> => {
    const incidents: Incident[] = [];
    for (const one of planned) incidents.push(await perform(site, one));
    return incidents;
  };
  const [submitted, incidents] = await Promise.all([submitAll(site, plans, round), performAll()]);
  const stuck = await untilAllEnded(site);
  const endedAt = Date.now();
  isOver.abort();
  const health = await watching;
  const records = await readAll(site, submitted);
  const violations = [
    ...stuck,
    ...records.flatMap((record) =>
      findViolations(record, incidents, site.leaseMs).map(
        (text) => `job ${record.job.id} (${record.submitted.task.key}): ${text}\n${describe(record)}`,
      ),
    ),
    ...findCrowds(records),
    ...findFrozen(site, health, incidents),
    ...(await leftovers(site)),
  ];
  const faults = incidents.map(
    ({ target, from, to, child, happened }) =>
      `${target} at ${seconds(from - startedAt)} for ${seconds(to - from)}${(target === 'child' && !child) || !happened ? ' (none came by)' : ''}`,
  );
  const story = `${submitted.length} jobs${isLinked ? ' behind links' : ''}, ${faults.join(', ')}; ended after ${seconds(endedAt - startedAt)}, checked after ${seconds(Date.now() - startedAt)}`;
  return { records, incidents, health, isLinked, violations, story };
}

/** The web of one process stands still while that is stopped. */
function findFrozen(site: Site, { late }: Health, incidents: readonly Incident[]): string[] {
  const stops = site.web === site.worker ? incidents.filter(({ target }) => target.endsWith('stopped')) : [];
  return late
    .filter(({ from, to }) => !stops.some((stop) => stop.from <= to && stop.to >= from))
    .map(({ from, to }) => `/healthz was not answered for ${seconds(to - from)}`);
}

async function untilAllEnded(site: Site): Promise<string[]> {
  const live = async (): Promise<JobSummary[]> =>
    (await site.client.read<{ items: JobSummary[] }>('/api/v1/jobs?state=live&limit=500')).items;
  try {
    await pollUntil(live, (jobs) => jobs.length === 0, { deadlineMs: endDeadlineMs });
    return [];
  } catch {
    const stuck: string[] = [];
    for (const job of await live()) {
      const facts = {
        job,
        attempts: await site.client.attempts(job.id),
        events: await site.client.events(job.id),
      };
      stuck.push(`job ${job.id} is stuck: ${JSON.stringify(facts, null, 1)}`);
    }
    return stuck;
  }
}

async function readAll(site: Site, submitted: readonly Submitted[]): Promise<JobRecord[]> {
  const waiting = [...submitted];
  const records: JobRecord[] = [];
  const check = async (): Promise<void> => {
    for (let one = waiting.shift(); one; one = waiting.shift()) records.push(await readRecord(site, one));
  };
  await Promise.all(Array.from({ length: checkers }, check));
  return records;
}

/** Nothing may be taken or run any more. */
async function leftovers(site: Site): Promise<string[]> {
  const found: string[] = [];
  const { items: lanes } = await site.client.read<{ items: { key: string; taken: number }[] }>(
    '/api/v1/lanes',
  );
  for (const { key, taken } of lanes) if (taken !== 0) found.push(`lane ${key} has ${taken} places taken`);
  await settle(
    () => site.processes('program').map(({ pid, attempt }) => `process ${pid} of job ${attempt?.jobId}`),
    found,
  );
  const parents = (): number[] => [
    ...site.servers.map(({ pid }) => pid),
    ...site.processes('launcher').map(({ pid }) => pid),
  ];
  await settle(() => zombiesOf(parents()).map((pid) => `zombie ${pid}`), found);
  return found;
}

async function settle(list: () => string[], found: string[]): Promise<void> {
  await pollUntil(list, (left) => left.length === 0, { deadlineMs: 5_000 }).catch(() => {
    found.push(...list().map((one) => `left over: ${one}`));
  });
}

function describe({ submitted, job, attempts, events, evidence, outputs }: JobRecord): string {
  return [
    `  submitted: ${JSON.stringify(submitted)}`,
    `  job: ${JSON.stringify({ ...job, input: undefined })}`,
    ...attempts.map((attempt) => `  attempt: ${JSON.stringify({ ...attempt, program: undefined })}`),
    ...outputs.map(
      ({ stdout, stderr, gaps }) =>
        `  output: ${stdout.length} + ${stderr.length} bytes, gaps ${JSON.stringify(gaps)}`,
    ),
    `  evidence: ${evidence.map(({ attempt, event }) => `${attempt} ${event}`).join(', ')}`,
    ...events.map(
      (event) => `  event: ${event.recordedAt} ${event.actor} ${event.name} ${JSON.stringify(event.data)}`,
    ),
  ].join('\n');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
