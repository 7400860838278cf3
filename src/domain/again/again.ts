import { basename } from 'node:path';
import type { CapsuleStore } from './capsule-ports.ts';
import type { AgainDifference } from '../../contract/again.ts';
import type { Capsule } from '../../contract/capsule.ts';
import { AppError, invalidField, isAppError } from '../../contract/errors.ts';
import type { SubmitOptions } from '../../contract/job.ts';
import { submitLike } from '../../contract/submit-like.ts';
import type { Kind, KindRegistry } from '../jobs/kind-ports.ts';
import type { Jobs } from '../jobs/ports.ts';
import { unifiedDiff } from '../../lib/unified-diff.ts';
import type { Scripts } from '../scripts/ports.ts';
import { applyEdit, checkOptions, listChanges } from './body.ts';
import type { Again, AgainRequest } from './ports.ts';

export interface AgainOptions {
  jobs: Pick<Jobs, 'submit'>;
  capsules: Pick<CapsuleStore, 'read'>;
  scripts: Pick<Scripts, 'read'>;
  kinds: KindRegistry;
}

export function createAgain({ jobs, capsules, scripts, kinds }: AgainOptions): Again {
  const findCapsule = ({ job, attempt, actor }: AgainRequest): Promise<Capsule | null> =>
    capsules.read(job.id, attempt, actor);

  return {
    compare: async (request) => {
      requireKind(request.job, kinds);
      const before = submitLike(request.job);
      const after = applyEdit(before, request.edit);
      checkOptions(after);
      const capsule = await findCapsule(request);
      return {
        jobId: request.job.id,
        as: request.as,
        script: await compareScripts(request.as, {
          capsule,
          named: scriptIn(after['input'], kinds.get(request.job.kind)),
          scripts,
        }),
        changes: listChanges(before, after),
      };
    },

    submit: async (request) => {
      const { job, as, actor, scopes } = request;
      requireKind(job, kinds);
      const body = applyEdit(submitLike(job), request.edit);
      const { input, ...options } = body;
      const kind = kinds.get(job.kind);
      const scriptSha256 = as === 'it-was' ? requireText(request, await findCapsule(request), kind) : null;
      const { attempt, edit } = request;
      const again = { of: job.id, scriptSha256, asked: { as, attempt, edit } };
      const checked = withKey(checkOptions(options), request.idempotencyKey);
      return jobs.submit({ kind: job.kind, input, options: checked, actor, scopes, again });
    },
  };
}

/** @throws AppError `conflict` for a job of somewhere else, whose kind nobody here can run */
function requireKind({ id, kind }: AgainRequest['job'], kinds: KindRegistry): void {
  if (kinds.get(kind)) return;
  throw new AppError('conflict', `Job ${id} ran elsewhere: nothing here runs the kind "${kind}".`);
}

/** The edit may hold it as well, being a submit. @throws AppError `invalid_input` when they differ */
function withKey(options: SubmitOptions, key: string | null): SubmitOptions {
  if (key === null) return options;
  if (options.idempotencyKey !== undefined && options.idempotencyKey !== key)
    throw invalidField('edit.idempotencyKey', 'is another one than that of the request');
  return { ...options, idempotencyKey: key };
}

/** What an input, or an edit of one, names as its script; undefined: nothing. */
function scriptIn(input: unknown, kind: Kind | undefined): unknown {
  if (kind?.scriptMember === undefined || typeof input !== 'object' || input === null) return undefined;
  return (input as Record<string, unknown>)[kind.scriptMember];
}

/** The hash of the kept text. @throws AppError when there is none, or when the edit names a script */
function requireText({ job, edit }: AgainRequest, capsule: Capsule | null, kind: Kind | undefined): string {
  if (scriptIn(edit['input'], kind) !== undefined) {
    const field = `edit.input.${kind?.scriptMember}`;
    const message = 'as it was, a job runs the script it ran; leave the name out, or run it as it is now';
    throw new AppError('invalid_input', `${field}: ${message}.`, { details: [{ field, message }] });
  }
  const script = capsule?.script;
  if (script && script.text !== null) return script.sha256;
  const why = !capsule
    ? 'nothing is recorded of how it ran'
    : script
      ? 'its script was larger than what is kept, or no text'
      : 'it ran no script of the scripts directory';
  throw new AppError('conflict', `Job ${job.id} cannot run as it was: ${why}. Run it as it is now instead.`);
}

async function compareScripts(
  as: AgainRequest['as'],
  { capsule, named, scripts }: { capsule: Capsule | null; named: unknown; scripts: Pick<Scripts, 'read'> },
): Promise<AgainDifference['script']> {
  const then = capsule?.script ?? null;
  const name = typeof named === 'string' ? named : then && basename(then.file);
  if (name === null) return null;
  const now = await scripts.read(name).catch((error: unknown) => {
    if (isAppError(error)) return null; // not there, too large, or no regular file
    throw error;
  });
  return {
    name,
    sha256Then: then?.sha256 ?? null,
    sha256Now: now?.sha256 ?? null,
    runs: as === 'it-was' ? 'then' : 'now',
    diff: diffOf(then, now, name),
  };
}

function diffOf(
  then: { sha256: string; text: string | null } | null,
  now: { sha256: string; text: string } | null,
  name: string,
): string | null {
  if (then && now && then.sha256 === now.sha256) return '';
  if (!now || !then || then.text === null) return null;
  return unifiedDiff(then.text, now.text, { before: `${name} (then)`, after: `${name} (now)` });
}
