import { randomUUID } from 'node:crypto';
import type { Actor } from '../../src/contract/actor.ts';
import { retryPolicy } from '../../src/contract/job.ts';
import { emptyOutcome } from '../../src/domain/jobs/ports.ts';
import { familyOf } from '../../src/domain/jobs/failure.ts';
import type { NewCapsule } from '../../src/domain/again/capsule-ports.ts';
import type {
  AttemptOutcome,
  ClaimedJob,
  ClaimRequest,
  Finish,
  JobStore,
  NewJob,
  Start,
} from '../../src/domain/jobs/ports.ts';
import type { WorkerRow } from '../../src/domain/fleet/ports.ts';
import type { Database } from '../../src/adapters/store/database.ts';
import { createWorkerStore } from '../../src/adapters/store/fleet/worker-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';

export const ana: Actor = { name: 'ana', accountId: null, role: 'member' };

export function newJob(change: Partial<NewJob> = {}): NewJob {
  return {
    uid: randomUUID(),
    kind: 'script',
    name: 'a job',
    state: 'queued',
    queue: 'default',
    needs: [],
    lanes: [],
    ownLane: null,
    priority: 0,
    runAt: null,
    owner: 'ana',
    ownerId: null,
    project: null,
    tags: [],
    parentId: null,
    input: { script: 'a.sh' },
    retry: retryPolicy.parse({}),
    timeoutMs: null,
    run: null,
    againOf: null,
    scriptSha256: null,
    after: [],
    info: null,
    baseRuns: [],
    idempotency: null,
    ...change,
  };
}

export function newWorker(change: Partial<WorkerRow> = {}): WorkerRow {
  return {
    id: randomUUID(),
    name: 'a worker',
    host: 'a host',
    pid: 1,
    version: '0',
    slots: 4,
    queues: ['default'],
    labels: [],
    kinds: ['script'],
    ...change,
  };
}

/** A registered worker that claims with what it offers. */
export async function joinWorker(
  db: Database,
  change: Partial<WorkerRow> = {},
): Promise<{
  row: WorkerRow;
  incarnation: number;
  request(limit?: number): ClaimRequest;
  claim(limit?: number): Promise<ClaimedJob[]>;
}> {
  const row = newWorker(change);
  const { incarnation } = await createWorkerStore(db).register(row);
  const { id: workerId, queues, labels, kinds } = row;
  const request = (limit = 10): ClaimRequest => ({ workerId, incarnation, queues, labels, kinds, limit });
  return { row, incarnation, request, claim: (limit) => createJobStore(db).claim(request(limit)) };
}

export async function submitOne(store: JobStore, change: Partial<NewJob> = {}): Promise<number> {
  const [outcome] = await store.submit([newJob(change)]);
  if (outcome?.status !== 'stored') throw new Error(`expected a stored job, got ${outcome?.status}`);
  return outcome.id;
}

export function succeeded(job: ClaimedJob, change: Partial<AttemptOutcome> = {}): Finish {
  const outcome = emptyOutcome('succeeded', {
    reason: null,
    endedAt: new Date().toISOString(),
    exitCode: 0,
    ...change,
  });
  return {
    ...keyOf(job),
    outcome,
    next: { state: 'succeeded', runAt: null },
    family: null,
    actor: 'worker:a worker',
  };
}

export function failed(job: ClaimedJob, next: Finish['next'] = { state: 'failed', runAt: null }): Finish {
  const outcome = emptyOutcome('failed', { reason: 'exit', exitCode: 3, endedAt: new Date().toISOString() });
  return { ...keyOf(job), outcome, next, family: familyOf(outcome), actor: 'worker:a worker' };
}

/** What it was started with. */
export function capsuleOf({ jobId, number }: ClaimedJob): NewCapsule {
  return {
    jobId,
    attempt: number,
    argv: ['./a.sh'],
    cwd: '/',
    env: {},
    secrets: [],
    stdin: null,
    files: [],
    user: 'nobody',
    limits: {},
    nice: 0,
    worker: 'a worker',
    host: 'a host',
    system: 'Linux 6.1',
    version: '0',
    nodeVersion: 'v24.0.0',
    script: { file: '/a.sh', sha256: 'ab'.repeat(32), sizeBytes: 6, text: 'echo a', pinned: false },
  };
}

export function startOf(job: ClaimedJob): Start {
  return {
    ...keyOf(job),
    launchedAt: '2026-05-04T03:02:01.000Z',
    program: { file: './a.sh', args: [], cwd: '/' },
    freeBeforeKib: 1_000,
    capsule: capsuleOf(job),
  };
}

function keyOf({ jobId, number, token }: ClaimedJob): { jobId: number; number: number; token: string } {
  return { jobId, number, token };
}
