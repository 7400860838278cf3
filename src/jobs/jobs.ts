import { createHash, randomUUID } from 'node:crypto';
import { AppError, type ErrorDetail } from '../contract/errors.ts';
import type { Actor } from '../contract/actor.ts';
import type { JobFiles } from '../contract/file.ts';
import type { FileStore } from '../files/ports.ts';
import { type BaseRunName, retryPolicy, type SubmitOptions } from '../contract/job.ts';
import { runOptions, type RunOptions } from '../contract/run-options.ts';
import type { Kind, KindRegistry } from '../kinds/ports.ts';
import type { OutputReader } from '../output/ports.ts';
import type { Secrets } from '../secrets/ports.ts';
import { decideNext } from './decide.ts';
import { familyOf } from './failure.ts';
import { Gather } from '../lib/gather.ts';
import { readErrorLine } from './last-words.ts';
import { findUnstorable, toStorable } from './storable.ts';
import type {
  AttemptKey,
  AttemptOutcome,
  Bell,
  Finish,
  Jobs,
  JobReader,
  JobStore,
  NewJob,
  StoredJob,
  SubmitOutcome,
  SubmitRequest,
} from './ports.ts';

export interface JobsOptions {
  store: JobStore;
  reader: Pick<JobReader, 'known' | 'attemptRef'>;
  output: Pick<OutputReader, 'tail'>;
  secrets: Pick<Secrets, 'findUnusable'>;
  files: Pick<FileStore, 'findUsable'>;
  bell: Bell;
  kinds: KindRegistry;
  /** For jobs that name no limit of their own. */
  defaultTimeoutMs: number | null;
  /** Why nothing more is accepted now. */
  obstacle(): string | null;
}

type FileHashes = ReadonlyMap<string, string>;

/** Dependants decided about at once; the sweep takes the rest. */
const settleLimit = 1_000;

const defaultRetry = retryPolicy.parse({});

/** The use cases: what people and workers do with jobs. Decides, tells the store, rings. */
export function createJobs({
  store,
  reader,
  output,
  secrets,
  files,
  bell,
  kinds,
  defaultTimeoutMs,
  obstacle,
}: JobsOptions): Jobs {
  const submits = new Gather((batch: NewJob[]) => store.submit(batch), { maxItems: 500, maxRunning: 2 });
  const finishes = new Gather((batch: Finish[]) => store.finish(batch), { maxItems: 200 });

  const settle = async (of: readonly number[]): Promise<void> => {
    const { places } = await store.settleDependants({ of, limit: settleLimit });
    bell.ring(places);
  };
  const requireUsable = async ({ run, kind, input }: NewJob, actor: Actor): Promise<void> => {
    const ofRun = Object.entries(run?.env ?? {}).flatMap(([variable, value]) =>
      typeof value === 'string' ? [] : [{ field: `env.${variable}`, name: value.secret }],
    );
    const ofInput = kinds.get(kind)?.secretsOf?.(input) ?? [];
    const used = [...ofRun, ...ofInput.map(({ field, name }) => ({ field: `input.${field}`, name }))];
    if (used.length === 0) return;
    const names = [...new Set(used.map(({ name }) => name))];
    const refused = await secrets.findUnusable(names, actor);
    const details = used.flatMap(({ field, name }) => {
      const message = refused.get(name);
      return message === undefined ? [] : [{ field, message }];
    });
    if (details.length > 0) throw invalid(details);
  };
  /** Hashes of files by their id. */
  const requireFiles = async (named: JobFiles, actor: Actor): Promise<FileHashes> => {
    if (named.length === 0) return new Map();
    const ids = [...new Set(named.map(({ file }) => file))];
    const found = await files.findUsable(ids, actor);
    const hashes = new Map(found.map(({ id, sha256 }) => [id, sha256]));
    const details = named.flatMap(({ file, name }, index) =>
      hashes.has(file)
        ? []
        : [{ field: `files.${index}`, message: `there is no file ${file} of yours; upload ${name} again` }],
    );
    if (details.length > 0) throw invalid(details);
    return hashes;
  };
  const requireKnown = async (after: NewJob['after'], actor: Actor): Promise<void> => {
    if (after.length === 0) return;
    const known = await reader.known(
      after.map(({ jobId }) => jobId),
      actor,
    );
    const missing = after.filter(({ jobId }) => !known.has(jobId));
    const details = missing.map(({ jobId, mustSucceed }) => ({
      field: mustSucceed ? 'afterOk' : 'after',
      message: `there is no job ${jobId}`,
    }));
    if (details.length > 0) throw invalid(details);
  };

  const withErrorLine = async ({
    outcome,
    ...key
  }: AttemptKey & { outcome: AttemptOutcome }): Promise<AttemptOutcome> =>
    outcome.state === 'failed' && outcome.errorLine === null
      ? { ...outcome, errorLine: await readErrorLine(key, { reader, output }) }
      : outcome;
  const requireBaseRuns = async (baseRuns: readonly BaseRunName[], actor: Actor): Promise<void> => {
    const ids = baseRuns.flatMap((base) => ('jobId' in base ? [base.jobId] : []));
    if (ids.length === 0) return;
    const known = await reader.known(ids, actor);
    const missing = ids.filter((id) => !known.has(id));
    const details = missing.map((id) => ({ field: 'baseRuns', message: `there is no job ${id}` }));
    if (details.length > 0) throw invalid(details);
  };

  const check = async (request: SubmitRequest): Promise<NewJob> => {
    const hashes = await requireFiles(request.options.files ?? [], request.actor);
    const job = prepare(request, { kinds, defaultTimeoutMs, hashes });
    await requireKnown(job.after, request.actor);
    await requireUsable(job, request.actor);
    await requireBaseRuns(job.baseRuns, request.actor);
    return job;
  };

  return {
    check: async (request) => void (await check(request)),

    submit: async (request) => {
      const full = obstacle();
      if (full !== null) throw new AppError('storage_full', full);
      const job = await check(request);
      const outcome = await submits.add(job);
      const stored = toStored(outcome, job);
      if (stored.isNew && job.state === 'queued') bell.ring([{ queue: job.queue, needs: job.needs }]);
      if (stored.isNew && job.state === 'waiting') await settle(job.after.map(({ jobId }) => jobId));
      if (stored.isNew) bell.announce();
      return stored;
    },

    cancel: async (ids, actor) => {
      const touched = await store.cancel(ids, actor.name);
      bell.callWorkers(touched.flatMap(({ workerId }) => workerId ?? []));
      const ended = touched.flatMap((one) => (one.state === 'cancelled' ? [one.id] : []));
      if (ended.length > 0) await settle(ended);
      if (touched.length > 0) bell.announce();
      return touched.map(({ id, state }) => ({ id, state }));
    },

    retry: async (id, actor) => {
      const retried = await store.retry(id, actor.name);
      if (!retried) return false;
      if (retried === 'queue_draining')
        throw new AppError(
          'queue_draining',
          `The queue of job ${id} takes no new jobs; it only runs what it has.`,
          {
            details: [
              {
                field: 'queue',
                message: 'takes no new jobs; move the work to another queue by running it again',
              },
            ],
          },
        );
      if (retried.state === 'queued') bell.ring([retried.place]);
      else bell.ring((await store.settleDependants({ of: null, limit: settleLimit })).places);
      bell.announce();
      return true;
    },

    change: async (id, change, actor) => {
      if (change.baseRuns?.some((base) => 'jobId' in base && base.jobId === id))
        throw invalid([{ field: 'baseRuns', message: `job ${id} cannot be compared with itself` }]);
      await requireBaseRuns(change.baseRuns ?? [], actor);
      const outcome = await store.change(id, change, actor.name);
      if (outcome.status === 'unknown_queue') {
        throw invalid([
          { field: 'queue', message: `there is no queue "${change.queue}"; an operator can make it` },
        ]);
      }
      if (outcome.status === 'queue_draining') throw draining(change.queue ?? '');
      if (outcome.status === 'unknown_base') {
        throw invalid([{ field: 'baseRuns', message: 'one of these jobs was removed meanwhile' }]);
      }
      if (outcome.status === 'refused') return false;
      if (outcome.place) bell.ring([outcome.place]);
      bell.announce();
      return true;
    },

    remove: async (id) => {
      const isRemoved = await store.remove(id);
      if (isRemoved) bell.announce();
      return isRemoved;
    },

    claim: async (request) => {
      const claimed = await store.claim(request);
      if (claimed.length > 0) bell.announce();
      return claimed;
    },

    finish: async ({ retry, tries, ...ended }) => {
      const outcome = toStorable(await withErrorLine(ended));
      const next = decideNext({ outcome, retry, tries, now: new Date() });
      const finished = await finishes.add({ ...ended, outcome, next, family: familyOf(outcome) });
      if (finished.place && finished.state === 'queued') bell.ring([finished.place]);
      if (finished.freedLanes.length > 0) bell.ring(await store.sweep(100));
      if (finished.hasDependants) await settle([ended.jobId]);
      bell.announce();
      return finished;
    },
  };
}

function prepare(
  { kind: kindName, input, options, actor, parentId, again, isOurs = false }: SubmitRequest,
  {
    kinds,
    defaultTimeoutMs,
    hashes,
  }: Pick<JobsOptions, 'kinds' | 'defaultTimeoutMs'> & { hashes: FileHashes },
): NewJob {
  const kind = kinds.get(kindName);
  if (!kind || (kind.isInternal && !isOurs)) {
    const offered = kinds.list.filter(({ isInternal }) => !isInternal).map(({ name }) => name);
    throw invalid([{ field: 'kind', message: `expected one of ${offered.join(', ')}, got "${kindName}"` }]);
  }
  const checked = checkInput(kind, input);
  requireStorable({ ...options, input: checked });
  const { concurrencyKey, timeoutSeconds } = options;
  const runAt = options.runAt === undefined ? null : toMoment(options.runAt);
  const after = toDependencies(options);
  const ownLane = concurrencyKey === undefined ? null : `key:${concurrencyKey}`;
  return {
    uid: randomUUID(),
    kind: kind.name,
    // The cut may have gone through a character.
    name: options.name ?? kind.nameOf(checked).slice(0, 300).toWellFormed(),
    state: firstState(after, runAt),
    after,
    queue: options.queue,
    needs: [...new Set(options.labels)].sort(),
    // Each once: a key listed twice would ask for two places, and wait for ever where there is one.
    lanes: [
      ...new Set([
        ...options.lanes,
        `queue:${options.queue}`,
        `user:${actor.name}`,
        ...(ownLane ? [ownLane] : []),
      ]),
    ],
    ownLane,
    priority: options.priority,
    runAt,
    owner: actor.name,
    accountId: actor.accountId,
    project: options.project ?? null,
    tags: options.tags,
    info: options.info ?? null,
    baseRuns: options.baseRuns,
    parentId: parentId ?? null,
    input: checked,
    retry: options.retry ?? defaultRetry,
    run: toRun(kind, options),
    againOf: again?.of ?? null,
    scriptSha256: again?.scriptSha256 ?? null,
    timeoutMs:
      timeoutSeconds === undefined ? defaultTimeoutMs : Math.max(1, Math.round(timeoutSeconds * 1000)),
    idempotency:
      options.idempotencyKey === undefined
        ? null
        : {
            scope: actor.name,
            key: options.idempotencyKey,
            bodyHash: hashBody(kindName, input, byContent(options, hashes)),
          },
  };
}

/** @throws AppError for a kind that starts no program */
function toRun(kind: Kind, options: SubmitOptions): RunOptions | null {
  const said = Object.entries(runOptions.parse(pick(options))).filter(([, value]) => value !== undefined);
  if (said.length === 0) return null;
  if (kind.runsProgram) return Object.fromEntries(said);
  throw invalid(said.map(([field]) => ({ field, message: `a job of kind ${kind.name} runs no program` })));
}

function pick({ limits, nice, env, stdin, workdir, files }: SubmitOptions): RunOptions {
  return { limits, nice, env, stdin, workdir, files: files?.length ? files : undefined };
}

function firstState(after: NewJob['after'], runAt: string | null): NewJob['state'] {
  if (after.length > 0) return 'waiting';
  return runAt !== null && Date.parse(runAt) > Date.now() ? 'scheduled' : 'queued';
}

/** Each job once; a success asked for includes the end. */
function toDependencies({ after = [], afterOk = [] }: SubmitOptions): NewJob['after'] {
  const success = new Set(afterOk);
  return [...new Set([...after, ...afterOk])].map((jobId) => ({ jobId, mustSucceed: success.has(jobId) }));
}

function checkInput(kind: Kind, input: unknown): unknown {
  const parsed = kind.input.safeParse(input);
  if (parsed.success) return parsed.data;
  throw invalid(
    parsed.error.issues.map(({ path, message }) => ({ field: ['input', ...path].join('.'), message })),
  );
}

function requireStorable(value: object): void {
  const details = findUnstorable(value).map((path) => ({
    field: path.join('.'),
    message: 'contains a NUL character or half of a character (a lone surrogate)',
  }));
  if (details.length > 0) throw invalid(details);
}

/** Years that a calendar of four digits has, in UTC; the database and ISO 8601 disagree on others. */
function toMoment(text: string): string {
  const moment = new Date(text);
  const year = moment.getUTCFullYear();
  if (year >= 1 && year <= 9999) return moment.toISOString();
  throw invalid([{ field: 'runAt', message: 'expected a moment of the years 1 to 9999' }]);
}

function invalid(details: ErrorDetail[]): AppError {
  const list = details.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return new AppError('invalid_input', `Not accepted: ${list}.`, { details });
}

function draining(queue: string): AppError {
  const message = `the queue "${queue}" takes no new jobs, it only runs what it has; name another one`;
  return new AppError('queue_draining', `Not accepted: queue: ${message}.`, {
    details: [{ field: 'queue', message }],
  });
}

/** A file that is uploaded again for a repeated submit has another id and is the same. */
function byContent({ files, ...options }: SubmitOptions, hashes: FileHashes): object {
  if (!files?.length) return options;
  return { ...options, files: files.map(({ file, name }) => ({ name, sha256: hashes.get(file) })) };
}

function hashBody(kind: string, input: unknown, options: object): string {
  return createHash('sha256')
    .update(JSON.stringify([kind, input, options], sortMembers))
    .digest('hex');
}

/** The order of members means nothing in JSON, and some clients do not keep it. */
function sortMembers(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function toStored(outcome: SubmitOutcome, job: NewJob): StoredJob {
  switch (outcome.status) {
    case 'stored':
      return { id: outcome.id, uid: outcome.uid, isNew: outcome.isNew };
    case 'key_conflict':
      throw new AppError(
        'idempotency_conflict',
        `The idempotency key "${job.idempotency?.key}" was used before with another body. Use a new key for another job.`,
      );
    case 'unknown_queue':
      throw invalid([
        { field: 'queue', message: `there is no queue "${job.queue}"; an operator can make it` },
      ]);
    case 'queue_draining':
      throw draining(job.queue);
    case 'refused':
      throw invalid([{ field: 'input', message: outcome.message }]);
  }
}
