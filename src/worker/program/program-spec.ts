import type { ClaimedJob } from '../../domain/jobs/ports.ts';
import type { ProgramPlan } from '../../domain/jobs/kind-ports.ts';
import { attemptTokenVariable, type Isolation, type ProgramSpec } from '../../launcher/protocol.ts';
import type { ProgramFolders } from '../files/attempt-files.ts';
import type { AttemptEnvironment } from '../attempt/attempt-secrets.ts';
import type { WorkerSettings } from '../settings.ts';
import type { ProgramTerms } from './program-terms.ts';

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface SpecParts {
  key: string;
  job: ClaimedJob;
  settings: WorkerSettings;
  terms: ProgramTerms;
  cwd: string;
  environment: AttemptEnvironment;
  folders: Pick<ProgramFolders, 'inputs' | 'outputs'>;
}

/** What the launcher needs to start a program: a clean environment, the job's own variables, and who we are. */
export function toProgramSpec(
  plan: ProgramPlan,
  { key, job, settings, terms, cwd, environment, folders }: SpecParts,
): ProgramSpec {
  const env = {
    PATH: searchPath,
    LANG: 'C.UTF-8',
    HOME: settings.homeDirectory,
    ...environment.env,
    DAYBOOK_JOB_ID: String(job.jobId),
    DAYBOOK_ATTEMPT: String(job.number),
    DAYBOOK_INPUT_DIR: folders.inputs,
    DAYBOOK_OUTPUT_DIR: folders.outputs,
    [attemptTokenVariable]: key,
    WORKER_USER: settings.programUserName,
  };
  const stdin = job.run?.stdin === undefined ? null : Buffer.from(job.run.stdin);
  const { file, args } = plan;
  return {
    key,
    file,
    args: [...args],
    env,
    cwd,
    stdin,
    isolation: toIsolation(settings, terms),
    masks: environment.masks,
  };
}

/** Null where nothing is switched and nothing is limited: the plain path starts twice as many programs a second. */
function toIsolation(settings: WorkerSettings, { limits, nice }: ProgramTerms): Isolation | null {
  const { programUser, warnAt, killGraceMs } = settings;
  if (!programUser && nice === null && Object.keys(limits).length === 0) return null;
  const { user, group } = programUser ?? { user: null, group: null };
  return { user, group, limits, warnAt, nice, killGraceMs };
}
