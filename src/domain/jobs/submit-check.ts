/** Whether what a submit refers to is there, and whoever submits may use it. */
import type { Actor } from '../../contract/actor.ts';
import type { ErrorDetail } from '../../contract/errors.ts';
import type { JobFiles } from '../../contract/file.ts';
import type { BaseRunName } from '../../contract/job.ts';
import { refuseVariables } from './allowed-variables.ts';
import type { FileStore } from '../files/ports.ts';
import type { KindRegistry } from './kind-ports.ts';
import type { Secrets } from '../secrets/ports.ts';
import type { NewJob } from './ports.ts';
import type { SubmitRequest } from './submit-ports.ts';
import type { JobReader } from './reader-ports.ts';
import { prepareJob } from './prepare-job.ts';
import { invalid } from './refusals.ts';

export interface SubmitCheckOptions {
  reader: Pick<JobReader, 'known'>;
  secrets: Pick<Secrets, 'findUnusable'>;
  files: Pick<FileStore, 'findUsable'>;
  kinds: KindRegistry;
  /** What to say of a script that is not there; null: it is, or nobody here can tell. */
  findMissingScript(name: string): Promise<string | null>;
  /** For jobs that name no limit of their own. */
  defaultTimeoutMs: number | null;
  /** Names and patterns of the variables that anybody may set. */
  jobVariables: readonly string[];
}

/** The job, ready to be stored. @throws AppError `invalid_input` that names every field of the first kind of mistake */
export async function checkSubmit(request: SubmitRequest, options: SubmitCheckOptions): Promise<NewJob> {
  const { reader, secrets, files, kinds, defaultTimeoutMs, jobVariables } = options;
  const { actor } = request;
  const hashes = await requireFiles(request.options.files ?? [], files, actor);
  const job = prepareJob(request, { kinds, defaultTimeoutMs, hashes });
  refuse(refuseVariables(job.run, request, jobVariables));
  if (!request.toleratesMissing) await requireScript(job, request, options);
  await requireDependencies(job.after, reader, actor);
  await requireSecrets(job, { secrets, kinds }, actor);
  await requireBaseRuns(job.baseRuns, reader, actor);
  return job;
}

/** @throws AppError `invalid_input` */
export async function requireBaseRuns(
  baseRuns: readonly BaseRunName[],
  reader: SubmitCheckOptions['reader'],
  actor: Actor,
): Promise<void> {
  const ids = baseRuns.flatMap((base) => ('jobId' in base ? [base.jobId] : []));
  if (ids.length === 0) return;
  const known = await reader.known(ids, actor);
  refuse(
    ids.filter((id) => !known.has(id)).map((id) => ({ field: 'baseRuns', message: `there is no job ${id}` })),
  );
}

/** @returns the hashes of files by their ids */
async function requireFiles(
  named: JobFiles,
  files: SubmitCheckOptions['files'],
  actor: Actor,
): Promise<ReadonlyMap<string, string>> {
  if (named.length === 0) return new Map();
  const found = await files.findUsable([...new Set(named.map(({ file }) => file))], actor);
  const hashes = new Map(found.map(({ id, sha256 }) => [id, sha256]));
  refuse(
    named.flatMap(({ file, name }, index) =>
      hashes.has(file)
        ? []
        : [{ field: `files.${index}`, message: `there is no file ${file} of yours; upload ${name} again` }],
    ),
  );
  return hashes;
}

async function requireScript(
  { kind, input }: NewJob,
  { again }: SubmitRequest,
  { kinds, findMissingScript }: Pick<SubmitCheckOptions, 'kinds' | 'findMissingScript'>,
): Promise<void> {
  const member = kinds.get(kind)?.scriptMember;
  const isKept = again !== undefined && again.scriptSha256 !== null;
  if (member === undefined || isKept) return;
  const message = await findMissingScript(String((input as Record<string, unknown>)[member]));
  refuse(message === null ? [] : [{ field: `input.${member}`, message }]);
}

async function requireDependencies(
  after: NewJob['after'],
  reader: SubmitCheckOptions['reader'],
  actor: Actor,
): Promise<void> {
  if (after.length === 0) return;
  const ids = after.map(({ jobId }) => jobId);
  const known = await reader.known(ids, actor);
  refuse(
    after
      .filter(({ jobId }) => !known.has(jobId))
      .map(({ jobId, mustSucceed }) => ({
        field: mustSucceed ? 'afterOk' : 'after',
        message: `there is no job ${jobId}`,
      })),
  );
}

async function requireSecrets(
  { run, kind, input }: NewJob,
  { secrets, kinds }: Pick<SubmitCheckOptions, 'secrets' | 'kinds'>,
  actor: Actor,
): Promise<void> {
  const ofRun = Object.entries(run?.env ?? {}).flatMap(([variable, value]) =>
    typeof value === 'string' ? [] : [{ field: `env.${variable}`, name: value.secret }],
  );
  const ofInput = kinds.get(kind)?.secretsOf?.(input) ?? [];
  const used = [...ofRun, ...ofInput.map(({ field, name }) => ({ field: `input.${field}`, name }))];
  if (used.length === 0) return;
  const refused = await secrets.findUnusable([...new Set(used.map(({ name }) => name))], actor);
  refuse(
    used.flatMap(({ field, name }) => {
      const message = refused.get(name);
      return message === undefined ? [] : [{ field, message }];
    }),
  );
}

function refuse(details: ErrorDetail[]): void {
  if (details.length > 0) throw invalid(details);
}
