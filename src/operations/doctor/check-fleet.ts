import { statSync } from 'node:fs';
import type { Config } from '../../config/config.ts';
import type { Finding } from '../../contract/finding.ts';
import { readSchemaVersion } from '../../adapters/store/migrate.ts';
import type { Database } from '../../adapters/store/database.ts';
import { diagnoseFleet, diagnoseServer } from '../../adapters/store/diagnosis-reader.ts';
import { findingsOf } from './finding.ts';

const users = findingsOf('users');
const workers = findingsOf('workers');
const queues = findingsOf('queues');
const jobs = findingsOf('database');
const clock = findingsOf('clock');

const clockWarnMs = 1_000;
const clockBadMs = 60_000;

/** People, workers and queues as the database knows them. */
export async function checkFleet(db: Database, config: Config): Promise<Finding[]> {
  const { applied, known } = await readSchemaVersion(db);
  // Tables of another version may look different; that finding stands for these.
  if (applied !== known) return [];
  const leaseSeconds = config.worker.leaseMs / 1000;
  const { admins, secrets, silentWorkers, activeWorkers, misplaced, strays, unserved } = await diagnoseFleet(
    db,
    leaseSeconds,
  );
  return [
    ...checkSecretKey(config, secrets),
    admins > 0
      ? users.ok(`${admins === 1 ? 'One admin' : `${admins} admins`} can sign in.`)
      : users.bad('No admin can sign in.', 'daybook user password admin --local'),
    activeWorkers > 0
      ? workers.ok(`${activeWorkers === 1 ? 'One worker is' : `${activeWorkers} workers are`} active.`)
      : workers.warn('No worker is active: jobs wait.', 'Start one: daybook serve, or daybook worker.'),
    ...silentWorkers.map(({ name, seconds }) =>
      workers.warn(
        `The worker ${name} has been silent for ${Math.round(seconds)} s.`,
        'Look at its machine and log; a start with the same data directory takes its programs up again.',
      ),
    ),
    ...(misplaced.length === 0
      ? []
      : [
          jobs.bad(
            `Jobs that neither wait, run nor have ended, or do so twice: ${misplaced.join(', ')}.`,
            'This is a fault of Daybook, or of whoever changed its tables. Restore a backup, or ask for help with these numbers.',
          ),
        ]),
    ...strays.map(({ table, rows, jobs: [first, ...others] }) =>
      jobs.bad(
        `${rows} ${rows === 1 ? 'row' : 'rows'} of the table ${table} whose job is gone: ${[first, ...others].join(', ')}${rows > others.length + 1 ? ', …' : ''}.`,
        `Nothing shows them any more, and they take the place of others. Take a backup, stop the workers, and remove them: delete from ${table} t where not exists (select from jobs where id = t.job_id)`,
      ),
    ),
    ...unserved.map(({ queue, needs, jobs, isPaused }) => {
      const what = `${jobs} queued ${jobs === 1 ? 'job' : 'jobs'} of the queue ${queue}${needs.length > 0 ? ` with the labels ${needs.join(', ')}` : ''}`;
      return isPaused
        ? queues.warn(`${what}: the queue is paused.`, `daybook queue resume ${queue}`)
        : queues.warn(
            `${what}: no active worker serves them.`,
            'Start a worker with DAYBOOK_QUEUES and DAYBOOK_LABELS that fit, or move the jobs.',
          );
    }),
  ];
}

/** What opens the named secrets, if there are any. */
function checkSecretKey({ secrets: { key, keyFile } }: Config, count: number): Finding[] {
  const { ok, bad } = findingsOf('configuration');
  const facts = key === undefined ? statSync(keyFile, { throwIfNoEntry: false }) : undefined;
  if (facts && (facts.mode & 0o077) !== 0) {
    return [bad(`${keyFile} may be read by others; it opens all named secrets.`, `chmod 600 ${keyFile}`)];
  }
  if (count === 0) return [];
  if (key !== undefined || facts) return [ok('The key of the named secrets is there.')];
  return [
    bad(
      `There are named secrets, but not their key (${keyFile}): jobs that use them fail.`,
      'Bring that file back from a backup, or set the secrets anew.',
    ),
  ];
}

/** The clock against that of the database, by which jobs are timed. */
export async function checkDatabaseClock(db: Database): Promise<Finding[]> {
  const { clockAheadMs } = await diagnoseServer(db);
  const findings: Finding[] = [];
  const seconds = Math.abs(clockAheadMs / 1000).toFixed(1);
  const which = clockAheadMs > 0 ? 'behind' : 'ahead of';
  const text = `The clock here is ${seconds} s ${which} that of the database.`;
  const advice = 'Synchronise both (chrony, systemd-timesyncd): times in the diary come from either.';
  if (Math.abs(clockAheadMs) >= clockBadMs) findings.push(clock.bad(text, advice));
  else if (Math.abs(clockAheadMs) >= clockWarnMs) findings.push(clock.warn(text, advice));
  else findings.push(clock.ok('The clock agrees with that of the database.'));
  return findings;
}
