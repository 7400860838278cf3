import { statSync } from 'node:fs';
import type { Config } from '../../config/config.ts';
import type { Finding } from '../../contract/finding.ts';
import { lockHolder } from '../../lib/directory-lock.ts';
import { placeOf } from '../local-database.ts';
import type { Database } from '../../adapters/store/database.ts';
import { diagnoseServer } from '../../adapters/store/diagnosis-reader.ts';
import { findBinaries } from '../../adapters/store/embedded-postgres/binaries.ts';
import { checkVersion } from '../../adapters/store/embedded-postgres/cluster.ts';
import { readSchemaVersion } from '../../adapters/store/migrate.ts';
import { findingsOf, reasonOf, toMiB } from './finding.ts';

const { ok, warn, bad } = findingsOf('database');

/** The embedded database as it lies on the disk; nothing is started or changed. */
export function checkPlace(config: Config): Finding[] {
  if (config.database.kind === 'server') return [];
  try {
    const binaries = findBinaries();
    const place = placeOf(config);
    if (!place?.isReady) {
      return [
        warn(`There is no database in ${config.data.directory} yet.`, 'It is made at the first start.'),
      ];
    }
    checkVersion(binaries, place);
    const holder = lockHolder(config.data.directory, { name: 'database' });
    const kept = holder ? `kept by the process ${holder.pid}` : 'not running';
    const { mode } = statSync(place.clusterDirectory);
    if ((mode & 0o027) !== 0) {
      return [
        bad(
          `${place.clusterDirectory} may be read or written by others (mode ${(mode & 0o777).toString(8)}).`,
          `PostgreSQL refuses to start so: chmod 700 ${place.clusterDirectory}`,
        ),
      ];
    }
    return [ok(`Embedded PostgreSQL ${binaries.major} in ${place.directory}, ${kept}.`)];
  } catch (error) {
    return [bad(reasonOf(error), 'The server cannot start like this.')];
  }
}

/** The database as it answers. @throws when it does not */
export async function checkServer(db: Database): Promise<Finding[]> {
  const { version, isReadOnly, sizeBytes, unsafeSettings } = await diagnoseServer(db);
  const findings = [ok(`PostgreSQL ${version} answers; the database has ${toMiB(sizeBytes)}.`)];
  if (isReadOnly) {
    findings.push(
      bad('The database is read-only.', 'Point DATABASE_URL to the primary server, not to a standby.'),
    );
  }
  for (const name of unsafeSettings) {
    findings.push(
      bad(
        `${name} is off: a crash of the machine can lose jobs that were accepted.`,
        `Set ${name} = on in the configuration of PostgreSQL.`,
      ),
    );
  }
  return [...findings, await checkSchema(db)];
}

async function checkSchema(db: Database): Promise<Finding> {
  const { applied, known } = await readSchemaVersion(db);
  if (applied === known) return ok(`The schema is that of this version (${known}).`);
  if (applied > known) {
    return bad(
      `A newer Daybook used this database (schema ${applied}, this version knows ${known}).`,
      'Start that version.',
    );
  }
  return warn(
    `The schema is ${applied === 0 ? 'not there' : applied}; this version brings ${known}.`,
    'The next start brings it up to date. Take a backup before.',
  );
}
