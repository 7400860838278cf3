import type { Config } from '../config/config.ts';
import { AppError } from '../contract/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { ownerIdOf } from '../machine/owner-ids.ts';
import type { ProgramAccount } from '../machine/program-account.ts';
import { createPeerCheck } from '../surfaces/ftp/addresses.ts';
import { createFtpAudit } from '../surfaces/ftp/audit.ts';
import { FtpServer, type FtpDoor } from '../surfaces/ftp/server.ts';
import { TlsFiles } from '../surfaces/ftp/tls-files.ts';
import { createFtpSignIn } from './ftp-sign-in.ts';
import type { Product } from './product.ts';

export interface FtpOptions {
  account: ProgramAccount;
  logger: Logger;
}

/** The FTP server; null where it is switched off. */
export function createFtp(product: Product, { account, logger }: FtpOptions): FtpServer | null {
  const { config, domains, stores, clock } = product;
  const { ftp } = config;
  const doors = listDoors(config, logger);
  if (doors.length === 0) return null;
  const { passivePorts = null, publicAddress, requiresTls, idleMs, stallMs, loginMs, bytesPerSecond } = ftp;
  return new FtpServer({
    doors,
    sessions: ftp.sessions,
    sessionsPerAddress: ftp.sessionsPerAddress,
    logger,
    services: {
      settings: { passivePorts, publicAddress, requiresTls, idleMs, stallMs, loginMs, bytesPerSecond },
      signIn: createFtpSignIn({
        accounts: domains.accounts,
        store: stores.accounts,
        home: domains.home,
        idsOf: (accountId) => idsOf(account, accountId),
        isHomePerUser: config.home.isPerUser,
        user: ftp.user,
        allowsAnonymous: ftp.allowsAnonymous,
        clock,
      }),
      tls: config.tls && new TlsFiles({ ...config.tls, allowsUploadTls13: ftp.allowsUploadTls13, logger }),
      isAllowedPeer: createPeerCheck(ftp.dataPeers),
      audit: createFtpAudit(stores.audit, { clock, logger }),
      logger,
    },
  });
}

function listDoors({ ftp }: Config, logger: Logger): FtpDoor[] {
  const { host, port, portIsChosen, implicitPort } = ftp;
  const doors: FtpDoor[] = [];
  if (port !== 'off')
    doors.push({
      host,
      port,
      isImplicitTls: false,
      onTaken: (error) => {
        if (portIsChosen) return cannotListen(error, { host, port, setting: 'DAYBOOK_FTP_PORT' });
        logger.warn(
          { err: error },
          `There is no FTP: its port ${port} on ${host} is taken. Set DAYBOOK_FTP_PORT.`,
        );
        return null;
      },
    });
  if (implicitPort !== 'off')
    doors.push({
      host,
      port: implicitPort,
      isImplicitTls: true,
      onTaken: (error) => cannotListen(error, { host, port: implicitPort, setting: 'DAYBOOK_FTPS_PORT' }),
    });
  return doors;
}

function cannotListen(
  error: unknown,
  { host, port, setting }: { host: string; port: number; setting: string },
): AppError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'it failed';
  const why = code === 'EADDRINUSE' ? 'another program has it' : code;
  return new AppError(
    'configuration',
    `FTP cannot listen on port ${port} of ${host} (${why}). Set ${setting} to another one (0 takes any free one, off none), or DAYBOOK_FTP_HOST.`,
    { cause: error },
  );
}

/** @throws AppError `configuration` for an account past the end of DAYBOOK_OWNER_IDS, whose programs do not run either */
function idsOf(
  { ids, ownerIds }: ProgramAccount,
  accountId: number | null,
): { uid: number; gid: number } | null {
  if (!ids || !ownerIds || accountId === null) return ids;
  const uid = ownerIdOf(ownerIds, accountId);
  if (uid !== null) return { uid, gid: ids.gid };
  throw new AppError('configuration', `Account ${accountId} lies past the end of DAYBOOK_OWNER_IDS.`);
}
