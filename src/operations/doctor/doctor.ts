import type { Config } from '../../config/config.ts';
import type { Finding } from '../../contract/finding.ts';
import { findRunningDatabase, withDatabase } from '../local-database.ts';
import { checkPlace, checkServer } from './check-database.ts';
import { checkDisk } from './check-disk.ts';
import { checkDatabaseClock, checkFleet } from './check-fleet.ts';
import { checkLauncher } from './check-launcher.ts';
import { checkCertificate, checkClock, checkConfiguration, checkProgramAccount } from './check-machine.ts';
import { checkPorts } from './check-ports.ts';
import { findingsOf, reasonOf } from './finding.ts';

/**
 * Looks at everything a server of this configuration needs. Changes nothing and starts nothing, so it may run beside a
 * server, or instead of one that does not start.
 */
export async function diagnose(config: Config): Promise<Finding[]> {
  const findings = await Promise.all([
    checkDatabase(config),
    checkLauncher(config),
    checkDisk(config),
    checkPorts(config),
    checkClock(),
  ]);
  return [
    ...checkConfiguration(config),
    ...checkCertificate(config),
    ...checkPlace(config),
    ...findings.flat(),
    ...checkProgramAccount(config),
  ];
}

async function checkDatabase(config: Config): Promise<Finding[]> {
  const { ok, bad } = findingsOf('database');
  const connection = await findRunningDatabase(config).catch(() => null);
  if (!connection) return [ok('The database does not run; what stands in it was not looked at.')];
  try {
    return await withDatabase(connection, 'daybook doctor', async (db) => [
      ...(await checkServer(db)),
      ...(await checkDatabaseClock(db)),
      ...(await checkFleet(db, config)),
    ]);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : '';
    return [
      bad(
        `The database cannot be asked: ${reasonOf(error)}${cause}`,
        'Check DATABASE_URL, that PostgreSQL runs there, and that it lets this account in.',
      ),
    ];
  }
}
