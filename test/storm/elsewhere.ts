import { randomUUID } from 'node:crypto';
import { noRetry } from '../../src/contract/job.ts';
import type { AttemptKey } from '../../src/contract/attempt.ts';
import type { NewImport } from '../../src/domain/elsewhere/import-ports.ts';
import { emptyOutcome } from '../../src/domain/jobs/ports.ts';
import { toFinish } from '../../src/domain/jobs/decide.ts';
import { createExternalStore } from '../../src/adapters/store/external-store.ts';
import { createImportStore } from '../../src/adapters/store/import-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { ana } from '../support/jobs.ts';
import type { Storm } from './storm.ts';

/** Whoever reports attempts that run elsewhere, and whoever imports what ended elsewhere. */
export function elsewhere(storm: Storm): Promise<unknown>[] {
  const imported: NewImport[] = [];
  return [
    ...Array.from({ length: 3 }, () => storm.repeat(80, () => reportOne(storm))),
    storm.repeat(150, () => importSome(storm, imported)),
  ];
}

async function reportOne(storm: Storm): Promise<void> {
  const { random, memory } = storm;
  const store = createExternalStore(storm.db);
  const uid = randomUUID();
  memory.sent.add(uid);
  const begun = await store.begin({
    uid,
    key: `external-${uid}`,
    bodyHash: 'aa',
    kind: 'script',
    name: 'elsewhere',
    input: {},
    holder: 'a cluster',
    startedAt: new Date().toISOString(),
    project: null,
    tags: [],
    owner: 'ana',
    ownerId: null,
  });
  if (begun === 'conflict') return storm.accuse('a new key was taken');
  memory.accept(begun.jobId, uid);
  for (let beats = random.integer(0, 3); beats > 0; beats -= 1) {
    await storm.pause(50);
    if (!(await store.beat(begun)).isRunning) break;
  }
  // Who never tells is given up by the rescuer, and some come after that.
  if (random.chance(0.1)) return;
  if (random.chance(0.05)) await storm.pause(2_000);
  await endExternal(storm, begun);
}

async function endExternal(storm: Storm, key: AttemptKey): Promise<void> {
  const state = storm.random.pick(['succeeded', 'failed', 'finished', 'cancelled'] as const);
  const reason = state === 'failed' ? 'exit' : null;
  const outcome = emptyOutcome(state, { reason, endedAt: new Date().toISOString() });
  const finish = toFinish(
    { attempt: { ...key, retry: noRetry, tries: 1 }, outcome, actor: 'ana' },
    new Date(),
  );
  const [finished] = await createJobStore(storm.db).finish([finish]);
  storm.count(`external: ${finished?.status}`);
  await createExternalStore(storm.db).release(key);
}

/** Some new ones, and one that is known by now to have ended otherwise, of somebody else. */
async function importSome(storm: Storm, imported: NewImport[]): Promise<void> {
  const { random } = storm;
  const batch = Array.from({ length: random.integer(1, 3) }, () => newImport(storm));
  const known = random.chance(0.5) ? imported.at(-random.integer(1, 20)) : undefined;
  const again: NewImport[] = known
    ? [{ ...known, state: random.pick(['succeeded', 'failed']), owner: random.pick(['ana', 'eve']) }]
    : [];
  const outcomes = await createImportStore(storm.db).store(
    [
      ...batch,
      ...again.map((one): NewImport => ({ ...one, reason: one.state === 'failed' ? 'exit' : undefined })),
    ],
    { isUpdate: true, isDryRun: false },
    ana,
  );
  for (const { outcome } of outcomes) storm.count(`import: ${outcome}`);
  imported.push(...batch);
}

function newImport({ random, memory }: Storm): NewImport {
  const uid = randomUUID();
  memory.sent.add(uid);
  const submittedAt = new Date(Date.now() - 60_000).toISOString();
  return {
    uid,
    source: 'slurm',
    cluster: '',
    id: uid,
    submittedAt,
    startedAt: submittedAt,
    state: random.pick(['unknown', 'finished', 'succeeded']),
    kind: 'imported',
    name: 'imported',
    owner: 'ana',
    output: [],
    stdoutBytes: 0,
    stderrBytes: 0,
    errorLine: null,
    family: null,
  };
}
