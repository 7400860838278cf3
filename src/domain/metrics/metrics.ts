import { collectDefaultMetrics, Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Metrics } from './ports.ts';

/** From a millisecond to three hours: a job that waits or runs longer needs no finer answer. */
const jobSeconds = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 10_800];
const requestSeconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const writeSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/**
 * The counters and histograms of one process. Labels are bounded: kinds, states, reasons, routes and queues are few and
 * ours to name; nothing that a caller may choose freely (a job's name, a path, a user) ever becomes one.
 */
export function createMetrics(registry: Registry): Metrics {
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> =>
    new Counter({ name, help, labelNames, registers });
  const histogram = <Label extends string>(
    name: string,
    help: string,
    { labelNames, buckets }: { labelNames: Label[]; buckets: number[] },
  ): Histogram<Label> => new Histogram({ name, help, labelNames, buckets, registers });

  const submitted = counter('daybook_jobs_submitted_total', 'Jobs this process accepted.', []);
  const ended = counter('daybook_jobs_ended_total', 'Jobs whose end this process stored.', [
    'kind',
    'state',
    'reason',
  ]);
  const attempts = counter('daybook_attempts_ended_total', 'Attempts whose end this process stored.', [
    'kind',
    'state',
    'reason',
  ]);
  const lost = counter('daybook_attempts_lost_total', 'Attempts of which nobody knows how they ended.', []);
  const late = counter('daybook_late_results_total', 'Results that came for an attempt given up before.', []);
  const claims = counter('daybook_claims_total', 'Claims, also those that brought nothing.', []);
  const claimedJobs = counter('daybook_jobs_claimed_total', 'Jobs that claims brought.', []);
  const rescues = counter('daybook_rescues_total', 'Workers given up because they fell silent.', []);
  const outputBytes = counter('daybook_output_stored_bytes_total', 'Output stored, as compressed.', []);
  const outputFailures = counter(
    'daybook_output_write_failures_total',
    'Writes of output to be repeated.',
    [],
  );
  const statementErrors = counter('daybook_database_errors_total', 'Statements that failed, by SQLSTATE.', [
    'code',
  ]);
  const wait = histogram('daybook_job_wait_seconds', 'From when a job was due to its first attempt.', {
    labelNames: ['kind'],
    buckets: jobSeconds,
  });
  const run = histogram('daybook_attempt_run_seconds', 'From the claim of an attempt to its end.', {
    labelNames: ['kind', 'state'],
    buckets: jobSeconds,
  });
  const outputWrite = histogram('daybook_output_write_seconds', 'Time of a statement that stores output.', {
    labelNames: [],
    buckets: writeSeconds,
  });
  const requests = histogram('daybook_http_request_duration_seconds', 'Requests served, streams left out.', {
    labelNames: ['method', 'route', 'status'],
    buckets: requestSeconds,
  });

  return {
    submitted: (jobs) => submitted.inc(jobs),
    claimed: (jobs) => {
      claims.inc();
      claimedJobs.inc(jobs.length);
      for (const { kind, seconds } of jobs)
        if (seconds !== null) wait.observe({ kind }, Math.max(0, seconds));
    },
    attemptEnded: ({ kind, state, reason, seconds }) => {
      attempts.inc({ kind, state, reason: reason ?? '' });
      if (reason === 'lost') lost.inc();
      run.observe({ kind, state }, Math.max(0, seconds));
    },
    jobEnded: ({ kind, state, reason }) => ended.inc({ kind, state, reason: reason ?? '' }),
    lateResult: () => late.inc(),
    rescued: () => rescues.inc(),
    outputStored: ({ bytes, seconds }) => {
      outputBytes.inc(bytes);
      outputWrite.observe(seconds);
    },
    outputRefused: () => outputFailures.inc(),
    statementFailed: (code) => statementErrors.inc({ code }),
    requestServed: ({ method, route, status, seconds }) =>
      requests.observe({ method, route, status: String(status) }, seconds),
  };
}

export function createGauge<Label extends string>(
  registry: Registry,
  name: string,
  { help, labelNames }: { help: string; labelNames: Label[] },
): Gauge<Label> {
  return new Gauge({ name, help, labelNames, registers: [registry] });
}
