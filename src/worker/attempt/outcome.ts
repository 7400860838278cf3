import type { z } from 'zod';
import { emptyOutcome } from '../../domain/jobs/ports.ts';
import type { AttemptOutcome, NearLimit, ReportsLeftOut } from '../../domain/jobs/ports.ts';
import type { KindOutcome, StopCause } from '../../domain/jobs/kind-ports.ts';
import type { ProgramEnd, ProgramSpec } from '../../launcher/protocol.ts';
import type { FailureReason } from '../../contract/states.ts';

/** What became of the program of an attempt, as far as it is known. */
export interface ProgramFacts {
  launchedAt: Date | null;
  /** What exactly was to run. */
  program: Pick<ProgramSpec, 'file' | 'args' | 'cwd'> | null;
  /** It was not begun, since too much time had passed: the job goes back to its queue. */
  isReleased: boolean;
  end: ProgramEnd | null;
  /** Nobody knows how it ended. */
  lostReason: string | null;
  /** The limit for which the worker stopped it; the launcher's stands in `end`. */
  exceeded: NearLimit | null;
}

interface Facts extends ProgramFacts {
  stopped: StopCause | null;
  result: Record<string, unknown> | null;
  /** Reports beyond what is kept. */
  leftOut: ReportsLeftOut | null;
  /** What the kind promises of a result; null: nothing. */
  resultSchema: z.ZodType | null;
  now: Date;
  timeoutMs: number | null;
}

/**
 * What an attempt came to, by evidence: lost, then who stopped it, then a limit it exceeded, then what the kind says.
 * A stop wins over the kind, also over exit code 0: a program that heeds the signal, tidies up and says that all is well
 * has not done its work. Only what ended well before the stop reached it did what it was asked to; whether it had, the
 * launcher knows, which sends the signal and sees the end. A limit that was exceeded is exceeded, however the program
 * ended.
 */
export function toOutcome(said: KindOutcome, facts: Facts): AttemptOutcome {
  if (facts.isReleased) return released(facts.now);
  const { end, result, lostReason, stopped } = facts;
  const exceeded = end?.exceeded ?? facts.exceeded;
  const base: AttemptOutcome = {
    state: said.state,
    reason: said.state === 'failed' ? said.reason : null,
    message: messageOf(said, facts),
    exitCode: end ? end.exitCode : (said.exitCode ?? null),
    signal: end ? end.signal : said.state === 'failed' ? (said.signal ?? null) : null,
    endedAt: (end?.endedAt ?? facts.now).toISOString(),
    launchedAt: facts.launchedAt?.toISOString() ?? null,
    freeBeforeKib: null,
    freeAfterKib: null,
    cpuMs: end ? Math.round(end.cpuUserMs + end.cpuSystemMs) : null,
    maxRssBytes: end && end.maxRssBytes > 0 ? end.maxRssBytes : null,
    readBytes: end?.readBytes ?? null,
    writtenBytes: end?.writtenBytes ?? null,
    program: facts.program,
    stdoutBytes: null,
    stderrBytes: null,
    errorLine: null,
    // Without a program all that was printed is the kind's own words, and its message the best of them.
    isExplained: facts.program === null,
    verdict: said.verdict ?? null,
    ...(result ? { result } : {}),
  };
  if (lostReason !== null) return { ...base, state: 'failed', reason: 'lost', message: lostReason };
  if (end?.wasFenced && stopped === null)
    return { ...base, state: 'failed', reason: 'lost', message: fencedMessage, verdict: null };
  if (stopped !== null && stopped !== 'limit' && (said.state !== 'succeeded' || end?.wasAsked))
    return { ...base, ...stopOutcome(stopped, facts.timeoutMs), verdict: null };
  if (exceeded)
    return {
      ...base,
      state: 'failed',
      reason: 'limit',
      message: describeExceeded(exceeded, end),
      verdict: null,
    };
  return base;
}

function messageOf(said: KindOutcome, facts: Facts): string | null {
  if (said.state === 'failed') return describeFailure(said, facts.end);
  return said.state === 'finished' ? said.message : describeReports(facts);
}

const fencedMessage =
  'Its worker could not confirm for most of a lease that it was there, so its program was ended: the job, or the next one ' +
  'of its lane, might have been started beside it.';

function released(now: Date): AttemptOutcome {
  const message = 'The worker stood still before the first instruction.';
  return emptyOutcome('released', { reason: null, message, endedAt: now.toISOString() });
}

/** What to know of the reports of an attempt that succeeded; null: nothing. */
function describeReports(facts: Facts): string | null {
  const notes = [findMisfit(facts), facts.leftOut && 'It reported more than is kept; its history says what.'];
  return notes.filter((note) => note !== null).join(' ') || null;
}

/**
 * What is wrong with the result of an attempt that succeeded. It is kept all the same: what a day of computing came to
 * must not be lost because a kind, or a program that reports, promised it in another form.
 */
function findMisfit({ result, resultSchema }: Facts): string | null {
  const checked = resultSchema?.safeParse(result ?? {});
  if (!checked || checked.success) return null;
  const issues = checked.error.issues.slice(0, 3);
  const list = issues.map(({ path, message }) => `${path.map(String).join('.') || 'the whole'}: ${message}`);
  return `Its result is kept as it is, though it does not fit the schema of its kind: ${list.join('; ')}.`;
}

function stopOutcome(
  cause: Exclude<StopCause, 'limit'>,
  timeoutMs: number | null,
): { state: AttemptOutcome['state']; reason: FailureReason | null; message: string } {
  switch (cause) {
    case 'cancelled':
      return { state: 'cancelled', reason: null, message: 'Cancelled while it ran.' };
    case 'timeout':
      return {
        state: 'failed',
        reason: 'timeout',
        message: `Ran longer than its limit of ${(timeoutMs ?? 0) / 1000} s.`,
      };
    case 'expired':
      return { state: 'failed', reason: 'lost', message: 'The attempt was given up while it ran.' };
  }
}

function describeExceeded({ limit, value, max }: NearLimit, end: ProgramEnd | null): string {
  switch (limit) {
    case 'memory': {
      const who = end?.oomKill === 'program' ? " The kernel's OOM killer ended it." : '';
      return `Used ${toMebibytes(value)} of memory; its limit is ${toMebibytes(max)}.${who}`;
    }
    case 'cpu':
      return `Used ${value.toFixed(1)} s of CPU time; its limit is ${max} s.`;
    case 'processes':
      return `Had ${value} processes at once; its limit is ${max}.`;
    case 'output':
      return `Printed more than its limit of ${max} bytes.`;
    case 'open-files':
      return `Had ${value} files open; its limit is ${max}.`;
    case 'wall':
      return `Ran ${value} s; its limit is ${max} s.`;
  }
}

/** A SIGKILL that nobody here sent deserves more than its name. */
function describeFailure(said: Extract<KindOutcome, { state: 'failed' }>, end: ProgramEnd | null): string {
  if (said.reason !== 'signal' || end?.signal !== 'SIGKILL' || end.wasKilled) return said.message;
  return end.oomKill === 'machine'
    ? "Killed by SIGKILL from outside, probably by the kernel's OOM killer: it ended a process on this machine at that time."
    : "Killed by SIGKILL from outside; neither a limit nor a person here sent it, and the kernel's OOM killer ended nothing on this machine at that time.";
}

function toMebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(bytes < 10 * 1024 ** 2 ? 1 : 0)} MiB`;
}
