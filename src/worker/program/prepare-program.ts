import { isAppError } from '../../contract/errors.ts';
import type { ClaimedJob } from '../../domain/jobs/ports.ts';
import type { NotStarted, ProgramPlan } from '../../domain/jobs/kind-ports.ts';
import type { ProgramSpec } from '../../launcher/protocol.ts';
import type { SecretOpener } from '../../domain/secrets/ports.ts';
import type { ProgramFolders } from '../files/attempt-files.ts';
import { openEnvironment } from '../attempt/attempt-secrets.ts';
import type { LaidOutFile } from '../files/lay-out-files.ts';
import type { WorkerSettings } from '../settings.ts';
import { toProgramSpec } from './program-spec.ts';
import type { ProgramTerms } from './program-terms.ts';
import { resolveWorkdir } from './workdir.ts';

export interface PrepareParts {
  key: string;
  job: ClaimedJob;
  settings: WorkerSettings;
  terms: ProgramTerms;
  opener: SecretOpener;
  /** Null when the attempt is stopped meanwhile. */
  openFolders(): Promise<ProgramFolders | null>;
}

export interface PreparedProgram {
  spec: ProgramSpec;
  /** The file that says what is done. */
  script: string | null;
  /** Variable → name of the secret it was given. */
  secrets: Readonly<Record<string, string>>;
  /** What stands in its input folder. */
  files: readonly LaidOutFile[];
}

/** All that the start of a program needs; null when the attempt is stopped meanwhile. @throws when the store does not answer */
export async function prepareProgram(
  plan: ProgramPlan,
  { opener, openFolders, ...parts }: PrepareParts,
): Promise<PreparedProgram | NotStarted | null> {
  const { job, settings } = parts;
  const workdir = await resolveWorkdir(settings.homeDirectory, job.run?.workdir);
  if ('exitCode' in workdir) return workdir;
  const environment = await openEnvironment(job.run, { opener, owner: job.owner });
  if ('problem' in environment) return { exitCode: 126, message: environment.problem };
  const folders = await openFolders().catch(toNotStarted);
  if (!folders || 'exitCode' in folders) return folders;
  const spec = toProgramSpec(plan, { ...parts, cwd: workdir.directory, environment, folders });
  return { spec, script: plan.script, secrets: environment.secrets, files: folders.files };
}

function toNotStarted(error: unknown): NotStarted {
  if (isAppError(error)) throw error;
  const reason = error instanceof Error ? error.message : String(error);
  return { exitCode: 126, message: `The folders for its files could not be made ready: ${reason}` };
}
