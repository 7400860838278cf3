import type { ClaimedJob } from '../jobs/ports.ts';
import type { ProgramPlan } from '../kinds/ports.ts';
import { attemptTokenVariable, type ProgramSpec } from '../launcher/protocol.ts';
import type { WorkerSettings } from './ports.ts';

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What the launcher needs to start a program: a clean environment, the plan's own variables, and who we are. */
export function toProgramSpec(
  plan: ProgramPlan,
  { key, job, settings }: { key: string; job: ClaimedJob; settings: WorkerSettings },
): ProgramSpec {
  const env = {
    PATH: searchPath,
    LANG: 'C.UTF-8',
    HOME: settings.homeDirectory,
    ...plan.env,
    DAYBOOK_JOB_ID: String(job.jobId),
    DAYBOOK_ATTEMPT: String(job.number),
    [attemptTokenVariable]: key,
    WORKER_USER: settings.programUserName,
  };
  const isolation = settings.programUser && { ...settings.programUser, limits: {} };
  const { file, args, cwd, stdin } = plan;
  return { key, file, args: [...args], env, cwd, stdin, isolation };
}
