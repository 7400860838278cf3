import { isAppError } from '../../contract/errors.ts';
import type { RunOptions } from '../../contract/run-options.ts';
import { isHomeError } from '../../domain/home/ports.ts';
import type { ClaimedJob } from '../../domain/jobs/ports.ts';
import type { NotStarted, ProgramPlan } from '../../domain/jobs/kind-ports.ts';
import type { SecretOpener } from '../../domain/secrets/ports.ts';
import {
  attemptTokenVariable,
  type Isolation,
  type Limits,
  type ProgramSpec,
} from '../../launcher/protocol.ts';
import type { Account } from '../../lib/file-access.ts';
import { openEnvironment } from '../attempt/attempt-secrets.ts';
import { toLauncherKey } from '../attempt/launcher-key.ts';
import type { ProgramFolders } from '../files/attempt-files.ts';
import type { WorkerSettings } from '../settings.ts';
import { accountOf, type JobAccount } from './job-account.ts';
import { resolveWorkdir } from './workdir.ts';

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What holds for the program of one attempt: what its submit said, and the defaults of this worker for the rest. */
export interface ProgramTerms {
  limits: Limits;
  outputBytes: number;
  nice: number | null;
}

export function toTerms(run: RunOptions | null, settings: WorkerSettings): ProgramTerms {
  const { outputBytes, ...said } = run?.limits ?? {};
  const named = Object.entries(said).filter(([, value]) => value !== undefined);
  return {
    limits: { ...settings.defaultLimits, ...Object.fromEntries(named) },
    outputBytes: outputBytes ?? settings.outputLimitBytes,
    nice: run?.nice ?? settings.defaultNice,
  };
}

/**
 * Where the programs of an owner are at home.
 * @param ids whom they run as; null: as we
 * @throws HomeError when their folder cannot be made
 */
export type HomeOf = (owner: Pick<ClaimedJob, 'owner' | 'ownerId'>, ids: Account | null) => Promise<string>;

export interface SpecSources {
  settings: WorkerSettings;
  homeOf: HomeOf;
  opener: SecretOpener;
  /** Null when the attempt is stopped meanwhile. */
  openFolders(owner: Account | null): Promise<ProgramFolders | null>;
}

/**
 * What the launcher needs to start the program of an attempt: a clean environment, the job's own variables, its folders,
 * and who we are. Null when the attempt is stopped meanwhile.
 * @throws when the store does not answer
 */
export async function specify(
  { file, args }: ProgramPlan,
  job: ClaimedJob,
  { settings, homeOf, opener, openFolders }: SpecSources,
): Promise<ProgramSpec | NotStarted | null> {
  const account = accountOf(job, settings);
  if ('exitCode' in account) return account;
  const home = await homeOf(job, account.ids).catch(notStartedWithoutHome);
  if (typeof home !== 'string') return home;
  const workdir = await resolveWorkdir(home, job.run?.workdir);
  if ('exitCode' in workdir) return workdir;
  const environment = await openEnvironment(job.run, { opener, owner: job });
  if ('problem' in environment) return { exitCode: 126, message: environment.problem };
  const folders = await openFolders(account.ids).catch(toNotStarted);
  if (!folders || 'exitCode' in folders) return folders;
  const key = toLauncherKey(job);
  return {
    key,
    file,
    args: [...args],
    env: {
      PATH: searchPath,
      LANG: 'C.UTF-8',
      ...accountVariables(home, settings),
      ...environment.env,
      DAYBOOK_JOB_ID: String(job.jobId),
      DAYBOOK_ATTEMPT: String(job.number),
      DAYBOOK_INPUT_DIR: folders.inputs,
      DAYBOOK_OUTPUT_DIR: folders.outputs,
      [attemptTokenVariable]: key,
      WORKER_USER: settings.programUserName,
    },
    cwd: workdir.directory,
    stdin: job.run?.stdin === undefined ? null : Buffer.from(job.run.stdin),
    isolation: toIsolation(job.run, account, settings),
    masks: environment.masks,
  };
}

function notStartedWithoutHome(error: unknown): NotStarted {
  if (!isHomeError(error)) throw error;
  return { exitCode: 126, message: `The home directory of its owner is not there: ${error.message}` };
}

function toNotStarted(error: unknown): NotStarted {
  if (isAppError(error)) throw error;
  const reason = error instanceof Error ? error.message : String(error);
  return { exitCode: 126, message: `The folders for its files could not be made ready: ${reason}` };
}

/** Null where nothing is switched and nothing is limited: the plain path starts twice as many programs a second. */
function toIsolation(
  run: RunOptions | null,
  { user, group, groupsOf }: JobAccount,
  settings: WorkerSettings,
): Isolation | null {
  const { limits, nice } = toTerms(run, settings);
  const { warnAt, killGraceMs } = settings;
  if (user === null && nice === null && Object.keys(limits).length === 0) return null;
  return { user, group, groupsOf, limits, warnAt, nice, killGraceMs };
}

/**
 * What cron sets of an account (crontab(5)). Home is where programs of Daybook are at home, whatever the user database
 * says of the account, and its shell there is often one that lets nobody in.
 */
function accountVariables(home: string, { programUserName }: WorkerSettings): Record<string, string> {
  return { HOME: home, SHELL: '/bin/sh', USER: programUserName, LOGNAME: programUserName };
}
