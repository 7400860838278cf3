import type { ClaimedJob } from '../../domain/jobs/ports.ts';
import type { NotStarted } from '../../domain/jobs/kind-ports.ts';
import type { Isolation } from '../../launcher/protocol.ts';
import type { Account } from '../../lib/file-access.ts';
import { formatRange, ownerIdOf } from '../../machine/owner-ids.ts';
import type { WorkerSettings } from '../settings.ts';

/** Whom the program of a job runs as. */
export interface JobAccount extends Pick<Isolation, 'user' | 'group' | 'groupsOf'> {
  /** Whom its files belong to; null: to us. */
  ids: Account | null;
}

/**
 * The account of WORKER_USER, or where owners are kept apart a number made from that of the owner's account. It is the
 * same on all machines that share a database, and with it perhaps home.
 */
export function accountOf(
  { ownerId }: Pick<ClaimedJob, 'ownerId'>,
  { programUser, programIds: ids, ownerIds }: Pick<WorkerSettings, 'programUser' | 'programIds' | 'ownerIds'>,
): JobAccount | NotStarted {
  const { user, group } = programUser ?? { user: null, group: null };
  if (!ownerIds || !ids || ownerId === null) return { user, group, groupsOf: null, ids };
  const uid = ownerIdOf(ownerIds, ownerId);
  if (uid === null)
    return {
      exitCode: 126,
      message: `There is no account number for programs of this owner: account ${ownerId} lies past the end of DAYBOOK_OWNER_IDS (${formatRange(ownerIds)}). An operator has to widen that range.`,
    };
  return {
    user: String(uid),
    group: String(ids.gid),
    groupsOf: user,
    ids: { uid, gid: ids.gid },
  };
}
