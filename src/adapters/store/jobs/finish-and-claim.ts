import type { ClaimedJob, ClaimRequest, Finish, FinishedAndClaimed } from '../../../domain/jobs/ports.ts';
import { isAppError } from '../../../contract/errors.ts';
import type { Queryable, Statement } from '../database.ts';
import { claimedColumns, claimSteps, grantedJobs, toClaimParameters } from './claim.ts';
import {
  endedAttempts,
  endedColumns,
  type EndedRow,
  endSteps,
  finishAttempts,
  keepLate,
  toEndParameters,
  toFinished,
} from './finish.ts';
import { selected } from './selected.ts';

const claimedNames = Object.keys(claimedColumns) as (keyof ClaimedJob)[];
const names = [...new Set([...Object.keys(endedColumns), ...claimedNames])];

/**
 * Ends attempts and takes the next jobs in their place, in one statement.
 *
 * Where an end frees a lane nothing is taken: a statement changes a row once, and jobs that the lane held back would be
 * passed over. The sweep and a claim of its own follow.
 */
const statement: Statement = {
  name: 'finish-and-claim',
  isByKey: true,
  text: `
with ${endSteps}, ${claimSteps({ first: 8, unless: 'exists (select from freed)' })}
select ${selected(endedColumns, names)} from ${endedAttempts}
union all
(select ${selected(claimedColumns, names)} from ${grantedJobs} order by g.priority desc, g.job_id)`,
};

/** Nothing is claimed where the ends could not be stored as they are: then they are stored by themselves. */
export async function finishAndClaim(
  db: Queryable,
  batch: readonly Finish[],
  request: ClaimRequest,
): Promise<FinishedAndClaimed> {
  let rows: (EndedRow | ClaimedRow)[];
  try {
    rows = await db.query(statement, [...toEndParameters(batch), ...toClaimParameters(request)]);
  } catch (error) {
    if (isAppError(error)) throw error;
    return { finished: await finishAttempts(db, batch), claimed: [] };
  }
  const finished = toFinished(batch, rows.filter(isEnded));
  await keepLate(db, batch, finished);
  return { finished, claimed: rows.flatMap((row) => (isEnded(row) ? [] : [toClaimed(row)])) };
}

/** It has the columns of an end as well, all null. */
type ClaimedRow = ClaimedJob & { state: null };

function isEnded(row: EndedRow | ClaimedRow): row is EndedRow {
  return row.state !== null;
}

function toClaimed(row: ClaimedRow): ClaimedJob {
  const claimed: Record<string, unknown> = {};
  for (const name of claimedNames) claimed[name] = row[name];
  return claimed as unknown as ClaimedJob;
}
