import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { Finding } from '../../contract/finding.ts';
import { canSpawnNatively, countHeldPrograms, showsProcesses } from '../../launcher/client/inspect.ts';
import { resolveProgramAccount } from '../../machine/program-account.ts';
import { findingsOf, reasonOf } from './finding.ts';

const { ok, warn, bad } = findingsOf('launcher');

/** How programs would be started, and what the launcher of this data directory holds. Never connects: it has one worker. */
export async function checkLauncher(config: Config): Promise<Finding[]> {
  const spawner = (await canSpawnNatively())
    ? ok('Programs are started by posix_spawn.')
    : warn(
        'koffi cannot be loaded here: programs are started by child_process, about three times slower, and what left its session is found later.',
        'On Linux (x64, arm64) install the dependencies again: npm ci --ignore-scripts.',
      );
  return [spawner, checkFolder(config.data.launcherDirectory), ...checkHiding(config)];
}

/** Of the launcher that runs: what one that is started would reach, only it can say. */
function checkHiding({ data, worker }: Config): Finding[] {
  const pid = existsSync(data.launcherDirectory) ? holderOf(join(data.launcherDirectory, 'lock')) : null;
  if (pid === null || !keepsOwnersApart(worker) || showsProcesses(pid) !== true) return [];
  const log = join(data.launcherDirectory, 'launcher.log');
  return [
    ok(
      `Programs see which programs of other owners run, with their arguments (ps), though not their environment. To hide them takes root with CAP_SYS_ADMIN, Linux 5.8, and / as a shared mount, as systemd makes it; ${log} says what was missing.`,
    ),
  ];
}

function keepsOwnersApart(worker: Config['worker']): boolean {
  try {
    return resolveProgramAccount(worker).ownerIds !== null;
  } catch {
    return false; // said by the check of users
  }
}

function checkFolder(folder: string): Finding {
  const facts = statSync(folder, { throwIfNoEntry: false });
  if (!facts) return ok('No launcher was started here yet.');
  if ((facts.mode & 0o077) !== 0) {
    return bad(
      `${folder} may be used by others (mode ${(facts.mode & 0o777).toString(8)}).`,
      `The launcher does not start so: chmod 700 ${folder}`,
    );
  }
  try {
    const programs = countHeldPrograms(folder);
    const pid = holderOf(join(folder, 'lock'));
    if (pid !== null) return ok(`The launcher (process ${pid}) holds ${count(programs)}.`);
    if (programs === 0) return ok('No launcher runs, and none left anything behind.');
    return warn(
      `No launcher runs, but ${count(programs)} had not been settled when it ended.`,
      'The next start of the worker ends what is left of them and records the attempts as lost.',
    );
  } catch (error) {
    return bad(
      `${folder} cannot be read: ${reasonOf(error)}`,
      'Give it to the account that runs the server.',
    );
  }
}

function count(programs: number): string {
  return programs === 1 ? 'one program' : `${programs} programs`;
}

/** Whose flock it is, by the kernel's list: trying to take it could make a launcher that starts just now give up. */
function holderOf(lockFile: string): number | null {
  const facts = statSync(lockFile, { throwIfNoEntry: false });
  if (!facts) return null;
  const line = readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .find((one) => one.includes(' FLOCK ') && one.includes(`:${facts.ino} `));
  return line ? Number(line.trim().split(/\s+/)[4]) : null;
}
