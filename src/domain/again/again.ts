import { basename } from 'node:path';
import type { CapsuleStore } from './capsule-ports.ts';
import type { AgainDifference } from '../../contract/again.ts';
import type { Capsule } from '../../contract/capsule.ts';
import { AppError, isAppError } from '../../contract/errors.ts';
import { submitLike } from '../../contract/submit-like.ts';
import type { Jobs } from '../jobs/ports.ts';
import { unifiedDiff } from '../../lib/unified-diff.ts';
import type { Scripts } from '../scripts/ports.ts';
import { applyEdit, checkOptions, listChanges } from './body.ts';
import type { Again, AgainRequest } from './ports.ts';

export interface AgainOptions {
  jobs: Pick<Jobs, 'submit'>;
  capsules: Pick<CapsuleStore, 'read'>;
  scripts: Pick<Scripts, 'read'>;
}

export function createAgain({ jobs, capsules, scripts }: AgainOptions): Again {
  const findCapsule = ({ job, attempt, actor }: AgainRequest): Promise<Capsule | null> =>
    capsules.read(job.id, attempt, actor);

  return {
    compare: async (request) => {
      const before = submitLike(request.job);
      const after = applyEdit(before, request.edit);
      checkOptions(after);
      const capsule = await findCapsule(request);
      return {
        jobId: request.job.id,
        as: request.as,
        script: await compareScripts(request, { capsule, input: after['input'], scripts }),
        changes: listChanges(before, after),
      };
    },

    submit: async (request) => {
      const { job, as, actor } = request;
      const body = applyEdit(submitLike(job), request.edit);
      const { input, ...options } = body;
      const scriptSha256 = as === 'it-was' ? requireText(request, await findCapsule(request)) : null;
      const again = { of: job.id, scriptSha256 };
      return jobs.submit({ kind: job.kind, input, options: checkOptions(options), actor, again });
    },
  };
}

/** The hash of the kept text. @throws AppError when there is none */
function requireText({ job, edit }: AgainRequest, capsule: Capsule | null): string {
  const input = edit['input'];
  if (typeof input === 'object' && input !== null && 'script' in input) {
    const message = 'as it was, a job runs the script it ran; leave the name out, or run it as it is now';
    throw new AppError('invalid_input', `edit.input.script: ${message}.`, {
      details: [{ field: 'edit.input.script', message }],
    });
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
  { as }: AgainRequest,
  { capsule, input, scripts }: { capsule: Capsule | null; input: unknown; scripts: Pick<Scripts, 'read'> },
): Promise<AgainDifference['script']> {
  const then = capsule?.script ?? null;
  const named = typeof input === 'object' && input !== null && 'script' in input ? input.script : null;
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
