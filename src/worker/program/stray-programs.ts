import type { AttemptId } from '../../contract/attempt.ts';
import { noRetry } from '../../contract/job.ts';
import { emptyOutcome } from '../../domain/jobs/ports.ts';
import type { RunningAttempt } from '../../domain/jobs/ports.ts';
import type { AttemptRef, OutputSink } from '../../domain/output/ports.ts';
import type { AttemptRunDependencies } from '../attempt/attempt-run.ts';
import { fromLauncherKey, toLauncherKey } from '../attempt/launcher-key.ts';
import { actorOf } from '../settings.ts';
import type { ProgramEnd, StreamOffsets } from '../../launcher/protocol.ts';

const lostMessage =
  'The launcher that ran the program was ended; whether the program ended by itself is not known.';

const lateMessage = 'The program was ended after its attempt had been given up.';

export interface StrayProgramsDependencies extends AttemptRunDependencies {
  /** Null: it is gone. */
  findAttempt(attempt: AttemptId): Promise<AttemptRef | null>;
}

/** Programs and attempts that do not belong together any more. */
export class StrayPrograms {
  readonly #deps: StrayProgramsDependencies;

  constructor(deps: StrayProgramsDependencies) {
    this.#deps = deps;
  }

  /** Ends programs that the launcher holds for attempts that were given up, and keeps how they ended as late results. */
  endUnknown(known: ReadonlySet<string>): void {
    const { launcher, logger } = this.#deps;
    for (const { key } of launcher.held.filter((program) => !known.has(program.key))) {
      logger.warn(fieldsOf(key), 'Ending a program whose attempt was given up.');
      const printed = { stdout: 0, stderr: 0 };
      launcher.attach(
        key,
        { stdout: 0, stderr: 0 },
        {
          onOutput: ({ stream, offset, bytes }) => {
            printed[stream] = Math.max(printed[stream], offset + bytes.byteLength);
            launcher.committed(key, { ...printed });
          },
          onWatched: () => {},
          onEnd: (end) => void this.#reportLate(key, end, printed),
          onLost: () => launcher.forget(key),
        },
      );
      launcher.signal(key, 'SIGKILL');
    }
    for (const key of launcher.startedBefore) if (!known.has(key)) launcher.forget(key);
  }

  /** The program died with its launcher: the attempt is lost, with a gap where its last words may be missing. */
  async giveUp({ job: attempt }: RunningAttempt): Promise<void> {
    const { jobs, clock, settings, launcher } = this.#deps;
    const now = clock.now();
    const output = await this.#reopen(attempt);
    output.gap(lostMessage, now);
    if (!(await output.close())) return;
    const outcome = emptyOutcome('failed', {
      reason: 'lost',
      message: lostMessage,
      endedAt: now.toISOString(),
      stdoutBytes: output.received.stdout,
      stderrBytes: output.received.stderr,
    });
    await jobs.finish({ attempt, outcome, actor: actorOf(settings) });
    launcher.forget(toLauncherKey(attempt));
  }

  async #reportLate(key: string, end: ProgramEnd, printed: StreamOffsets): Promise<void> {
    const { jobs, launcher, logger, settings } = this.#deps;
    const outcome = emptyOutcome('failed', {
      reason: 'lost',
      message: lateMessage,
      exitCode: end.exitCode,
      signal: end.signal,
      endedAt: end.endedAt.toISOString(),
    });
    const attempt = { ...fromLauncherKey(key), retry: noRetry, tries: 1 };
    try {
      await this.#markMissing(attempt, printed);
      await jobs.finish({ attempt, outcome, actor: actorOf(settings) });
      launcher.forget(key);
    } catch (error) {
      logger.warn(
        { err: error, ...fieldsOf(key) },
        'A late result could not be kept; the next start tries again.',
      );
    }
  }

  /**
   * What it printed beyond what was stored is nowhere. The mark of whoever gave the attempt up may be gone: a worker that
   * fell silent and came back goes on with the output in its place.
   */
  async #markMissing(attempt: AttemptId, printed: StreamOffsets): Promise<void> {
    const { clock, findAttempt } = this.#deps;
    const found = await findAttempt(attempt);
    if (!found) return;
    const output = await this.#reopen(found);
    const { stdout, stderr } = output.received;
    if (printed.stdout > stdout || printed.stderr > stderr)
      output.gap(`${lateMessage} What it printed until then and nobody stored is missing.`, clock.now());
    if (!(await output.close())) throw new Error('The worker stopped.');
  }

  #reopen({ jobId, number, claimedAt }: AttemptRef): Promise<OutputSink> {
    const { recorder } = this.#deps;
    return recorder.reopen({ jobId, number, claimedAt, onProtocol: () => {}, onStored: () => {} });
  }
}

/** For the log; the token in a key is a secret of the attempt. */
function fieldsOf(key: string): { job: number; attempt: number } {
  const { jobId, number } = fromLauncherKey(key);
  return { job: jobId, attempt: number };
}
