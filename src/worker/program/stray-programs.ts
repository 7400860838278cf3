import { emptyOutcome } from '../../domain/jobs/ports.ts';
import type { RunningAttempt } from '../../domain/jobs/ports.ts';
import type { AttemptRunDependencies } from '../attempt/attempt-run.ts';
import { launcherKey } from '../attempt/launcher-key.ts';
import type { ProgramEnd } from '../../launcher/protocol.ts';

const lostMessage =
  'The launcher that ran the program was ended; whether the program ended by itself is not known.';

/** Programs and attempts that do not belong together any more. */
export class StrayPrograms {
  readonly #deps: AttemptRunDependencies;

  constructor(deps: AttemptRunDependencies) {
    this.#deps = deps;
  }

  /** Ends programs that the launcher holds for attempts that were given up, and keeps how they ended as late results. */
  endUnknown(known: ReadonlySet<string>): void {
    const { launcher, logger } = this.#deps;
    for (const { key } of launcher.held.filter((program) => !known.has(program.key))) {
      logger.warn(fieldsOf(key), 'Ending a program whose attempt was given up.');
      launcher.attach(
        key,
        { stdout: 0, stderr: 0 },
        {
          onOutput: ({ stream, offset, bytes }) => {
            const end = offset + bytes.byteLength;
            launcher.committed(key, { stdout: 0, stderr: 0, [stream]: end });
          },
          onWatched: () => {},
          onEnd: (end) => void this.#reportLate(key, end),
          onLost: () => launcher.forget(key),
        },
      );
      launcher.signal(key, 'SIGKILL');
    }
    for (const key of launcher.startedBefore) if (!known.has(key)) launcher.forget(key);
  }

  /** The program died with its launcher: the attempt is lost, with a gap where its last words may be missing. */
  async giveUp({ jobId, number, token, job }: RunningAttempt): Promise<void> {
    const { recorder, jobs, clock, settings, launcher } = this.#deps;
    const now = clock.now();
    const output = await recorder.reopen({
      jobId,
      number,
      claimedAt: job.claimedAt,
      onProtocol: () => {},
      onStored: () => {},
    });
    output.gap(lostMessage, now);
    if (!(await output.close())) return;
    const outcome = emptyOutcome('failed', {
      reason: 'lost',
      message: lostMessage,
      endedAt: now.toISOString(),
    });
    const { retry, tries } = job;
    await jobs.finish({
      jobId,
      number,
      token,
      outcome: { ...outcome, stdoutBytes: output.received.stdout, stderrBytes: output.received.stderr },
      retry,
      tries,
      actor: `worker:${settings.name}`,
    });
    launcher.forget(launcherKey({ jobId, number, token }));
  }

  async #reportLate(key: string, end: ProgramEnd): Promise<void> {
    const { jobs, launcher, logger, settings } = this.#deps;
    const [jobId, number, token] = key.split('.');
    try {
      await jobs.finish({
        jobId: Number(jobId),
        number: Number(number),
        token: token ?? '',
        outcome: emptyOutcome('failed', {
          reason: 'lost',
          message: 'The program was ended after its attempt had been given up.',
          exitCode: end.exitCode,
          signal: end.signal,
          endedAt: end.endedAt.toISOString(),
        }),
        retry: { attempts: 1, on: [], initialMs: 0, factor: 1, maxMs: 0 },
        tries: 1,
        actor: `worker:${settings.name}`,
      });
      launcher.forget(key);
    } catch (error) {
      logger.warn(
        { err: error, ...fieldsOf(key) },
        'A late result could not be kept; the next start tries again.',
      );
    }
  }
}

/** For the log; the token in a key is a secret of the attempt. */
function fieldsOf(key: string): { job: number; attempt: number } {
  const [job, attempt] = key.split('.');
  return { job: Number(job), attempt: Number(attempt) };
}
