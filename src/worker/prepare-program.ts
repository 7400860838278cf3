import type { ClaimedJob } from '../jobs/ports.ts';
import type { NotStarted, ProgramPlan } from '../kinds/ports.ts';
import type { ProgramSpec } from '../launcher/protocol.ts';
import type { SecretOpener } from '../secrets/ports.ts';
import { openEnvironment } from './attempt-secrets.ts';
import type { WorkerSettings } from './ports.ts';
import { toProgramSpec } from './program-spec.ts';
import type { ProgramTerms } from './program-terms.ts';
import { resolveWorkdir } from './workdir.ts';

export interface PrepareParts {
  key: string;
  job: ClaimedJob;
  settings: WorkerSettings;
  terms: ProgramTerms;
  opener: SecretOpener;
}

export interface PreparedProgram {
  spec: ProgramSpec;
  /** The file that says what is done. */
  script: string | null;
  /** Variable → name of the secret it was given. */
  secrets: Readonly<Record<string, string>>;
}

/** All that the start of a program needs. @throws when the store of secrets does not answer */
export async function prepareProgram(
  plan: ProgramPlan,
  { opener, ...parts }: PrepareParts,
): Promise<PreparedProgram | NotStarted> {
  const { job, settings } = parts;
  const workdir = await resolveWorkdir(settings.homeDirectory, job.run?.workdir);
  if ('exitCode' in workdir) return workdir;
  const environment = await openEnvironment(job.run, { opener, owner: job.owner });
  if ('problem' in environment) return { exitCode: 126, message: environment.problem };
  const spec = toProgramSpec(plan, { ...parts, cwd: workdir.directory, environment });
  return { spec, script: plan.script, secrets: environment.secrets };
}
