import type { NewCapsule } from '../../domain/again/capsule-ports.ts';
import type { JobStore } from '../../domain/jobs/ports.ts';
import type { Database } from './database.ts';
import { cancelJobs, removeJob, retryJob } from './jobs/intervene.ts';
import { claimJobs } from './jobs/claim.ts';
import { changeJob } from './jobs/change.ts';
import { finishAttempts, loseAttempt } from './jobs/finish.ts';
import { finishAndClaim } from './jobs/finish-and-claim.ts';
import { keepInOrder } from './jobs/keep-in-order.ts';
import { ScriptTexts } from './jobs/keep-capsules.ts';
import { recordStarts, setBaseRun, setProgress } from './jobs/mark.ts';
import { settleDependants } from './jobs/settle.ts';
import { nearLimit } from './jobs/near-limit.ts';
import { reportsLeftOut } from './jobs/reports-left-out.ts';
import { submitJobs } from './jobs/submit.ts';
import { submitClaimed } from './jobs/submit-claimed.ts';
import { bringBackRetries, forgetIdempotencyKeys, sweepJobs } from './jobs/sweep.ts';

export function createJobStore(db: Database): JobStore {
  const texts = new ScriptTexts(db);
  const saveTexts = (batch: readonly { capsule?: NewCapsule | null }[]): Promise<void> =>
    texts.save(batch.flatMap(({ capsule }) => capsule ?? []));

  return {
    submit: (batch) => submitJobs(db, batch),
    submitClaimed: (job, request) => submitClaimed(db, job, request),
    claim: (request) => claimJobs(db, request),
    finish: async (batch) => {
      await saveTexts(batch);
      return finishAttempts(db, batch);
    },
    finishAndClaim: async (batch, request) => {
      await saveTexts(batch);
      return finishAndClaim(db, batch, request);
    },
    lose: (finish, work) => loseAttempt(db, finish, work),
    recordStarts: async (batch) => {
      await saveTexts(batch);
      return recordStarts(db, batch);
    },
    setProgress: (batch) => setProgress(db, batch),
    setBaseRun: (attempt, baseJobId) => setBaseRun(db, attempt, baseJobId),
    nearLimit: (attempt, hit) => nearLimit(db, attempt, hit),
    reportsLeftOut: (attempt, leftOut) => reportsLeftOut(db, attempt, leftOut),
    cancel: (ids, actor, wish) => cancelJobs(db, ids, actor, wish),
    retry: (id, actor) => retryJob(db, id, actor),
    change: (id, change, actor) => changeJob(db, id, change, actor),
    remove: (id) => removeJob(db, id),
    settleDependants: (options) => settleDependants(db, options),
    sweep: (limit) => sweepJobs(db, limit),
    keepInOrder: () => keepInOrder(db),
    bringBackRetries: () => bringBackRetries(db),
    forgetIdempotencyKeys: (olderThanMs) => forgetIdempotencyKeys(db, olderThanMs),
  };
}
