import type { AuditEntry, AuditStore } from '../../domain/accounts/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { FtpAudit } from './ports.ts';

/**
 * An entry that cannot be stored goes to the log: the change is made. Nobody waits for one, so they are stored one after the
 * other: of two at once, the later could come first.
 */
export function createFtpAudit(
  store: AuditStore,
  { clock, logger }: { clock: Pick<Clock, 'now'>; logger: Logger },
): FtpAudit {
  let last = Promise.resolve();
  const record = async (entry: AuditEntry, at: Date): Promise<void> => {
    try {
      await store.record(entry, at);
    } catch (error) {
      logger.error(
        { err: error, audit: entry },
        'an audit entry could not be stored; it stands here instead',
      );
    }
  };
  return ({ actor, action, target = null, details = {} }, { address }) => {
    const entry = { actor, action, target, details: { ...details, via: 'ftp' }, address, requestId: null };
    const at = clock.now();
    last = last.then(() => record(entry, at));
    return last;
  };
}
