import type { AuditStore } from '../../domain/accounts/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { FtpAudit } from './ports.ts';

/** An entry that cannot be stored goes to the log: the change is made. */
export function createFtpAudit(
  store: AuditStore,
  { clock, logger }: { clock: Pick<Clock, 'now'>; logger: Logger },
): FtpAudit {
  return async ({ actor, action, target = null, details = {} }, { address }) => {
    const entry = { actor, action, target, details: { ...details, via: 'ftp' }, address, requestId: null };
    try {
      await store.record(entry, clock.now());
    } catch (error) {
      logger.error(
        { err: error, audit: entry },
        'an audit entry could not be stored; it stands here instead',
      );
    }
  };
}
