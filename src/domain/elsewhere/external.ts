import { createHash, randomUUID } from 'node:crypto';
import type { BeginExternal, ExternalEnd } from '../../contract/external.ts';
import { AppError, invalidField } from '../../contract/errors.ts';
import { noRetry } from '../../contract/job.ts';
import { ownerOf, type Actor } from '../../contract/actor.ts';
import { emptyOutcome } from '../jobs/ports.ts';
import type { AttemptOutcome, Bell, Jobs } from '../jobs/ports.ts';
import type { ExternalKind } from '../jobs/kind-ports.ts';
import type { AppendOutput, ExternalAttempts, ExternalStore, NewExternal } from './external-ports.ts';

export interface ExternalOptions {
  store: ExternalStore;
  jobs: Pick<Jobs, 'finish'>;
  kinds: readonly ExternalKind[];
  append: AppendOutput;
  bell: Bell;
  leaseMs: number;
}

/**
 * The life of an attempt that somebody else runs: begun, printing, beating, ended, each report naming job, number and
 * token. It runs in no queue and no slot. Who reports may vanish at any point and come back with the rest: every report
 * may be repeated, and output goes on at the byte where it stopped. Who stays away for a lease is given up by the
 * rescuer, as a silent worker is, and what it then still brings is kept: output in its place, the end as a late result.
 */
export function createExternalAttempts(options: ExternalOptions): ExternalAttempts {
  const { store, jobs, kinds, append, bell, leaseMs } = options;
  return {
    begin: async (request, actor) => {
      const begun = await store.begin(prepare(request, actor, kinds));
      if (begun === 'conflict') {
        throw new AppError(
          'idempotency_conflict',
          `The key ${request.key} was used before with another body.`,
        );
      }
      bell.announce();
      const { jobId, number: attempt, token } = begun;
      return { jobId, attempt, token, beatSeconds: Math.min(10_000, leaseMs / 5) / 1000 };
    },

    append: async (key, pieces) => {
      const reported = pieces.map(({ data, at, ...piece }) => ({
        ...piece,
        at: new Date(at),
        bytes: Buffer.from(data, 'base64'),
      }));
      const received = await store.appendTo(key, (attempt, output) => append(output, attempt, reported));
      if (received) return received;
      throw new AppError(
        'conflict',
        `Attempt ${key.number} of job ${key.jobId} has ended, or the token is not its own.`,
      );
    },

    beat: (key) => store.beat(key),

    finish: async (key, end, actor) => {
      if (!(await store.knows(key))) {
        throw new AppError(
          'conflict',
          `Attempt ${key.number} of job ${key.jobId} is not one that is reported from elsewhere, or the token is not its own.`,
        );
      }
      const outcome = toOutcome(end);
      await jobs.finish({ attempt: { ...key, retry: noRetry, tries: 1 }, outcome, actor: actor.name });
      await store.release(key);
    },
  };
}

function prepare(request: BeginExternal, actor: Actor, kinds: readonly ExternalKind[]): NewExternal {
  const { key, kind: kindName, holder, startedAt, project = null, tags } = request;
  const kind = kinds.find(({ name }) => name === kindName);
  if (!kind) throw invalidField('kind', `expected one of ${kinds.map(({ name }) => name).join(', ')}`);
  const checked = kind.input.safeParse(request.input);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw invalidField(['input', ...(issue?.path ?? [])].join('.'), issue?.message ?? 'is not right');
  }
  const input = checked.data;
  const name = request.name ?? kind.nameOf(input).slice(0, 300).toWellFormed();
  const body = JSON.stringify([kindName, input, name, holder, startedAt, project, tags]);
  return {
    uid: randomUUID(),
    key,
    bodyHash: createHash('sha256').update(body).digest('hex'),
    kind: kindName,
    name,
    input,
    holder,
    startedAt,
    project,
    tags,
    ...ownerOf(actor),
  };
}

function toOutcome({ exitCode, signal, message, endedAt, wasCancelled }: ExternalEnd): AttemptOutcome {
  if (wasCancelled)
    return emptyOutcome('cancelled', { reason: null, message: 'Cancelled.', endedAt, exitCode, signal });
  if (exitCode === 0) return emptyOutcome('succeeded', { reason: null, endedAt, exitCode });
  if (signal !== null) {
    return emptyOutcome('failed', {
      reason: 'signal',
      message: message ?? `Ended by ${signal}.`,
      endedAt,
      signal,
    });
  }
  if (exitCode !== null) {
    return emptyOutcome('failed', {
      reason: 'exit',
      message: message ?? `Ended with exit code ${exitCode}.`,
      endedAt,
      exitCode,
    });
  }
  return emptyOutcome('failed', {
    reason: 'lost',
    message: message ?? 'How it ended is not known.',
    endedAt,
  });
}
