import { createHash, randomUUID } from 'node:crypto';
import { keyScopeOf, ownerOf } from '../../contract/actor.ts';
import { retryPolicy, type SubmitOptions } from '../../contract/job.ts';
import type { RunOptions } from '../../contract/run-options.ts';
import type { Kind, KindRegistry } from './kind-ports.ts';
import type { NewJob } from './ports.ts';
import type { AskedAgain, SubmitRequest } from './submit-ports.ts';
import { invalid } from './refusals.ts';
import { findUnstorable } from './storable.ts';

export interface PrepareOptions {
  kinds: KindRegistry;
  /** For jobs that name no limit of their own. */
  defaultTimeoutMs: number | null;
  /** Of the files that it names, by their ids. */
  hashes: ReadonlyMap<string, string>;
}

const defaultRetry = retryPolicy.parse({});

/** Of what may be done twice. Not for ever: it may be the job that its workers die of. */
const retryWhenLost = retryPolicy.parse({ attempts: 3, on: ['lost'] });

/** The job that a submit asks for, as far as the submit itself can tell. @throws AppError `invalid_input` */
export function prepareJob(
  {
    kind: kindName,
    input,
    isChecked = false,
    options,
    actor,
    parentId,
    again,
    isOurs = false,
  }: SubmitRequest,
  { kinds, defaultTimeoutMs, hashes }: PrepareOptions,
): NewJob {
  const kind = kinds.get(kindName);
  if (!kind || (kind.isInternal && !isOurs)) {
    const offered = kinds.list.filter(({ isInternal }) => !isInternal).map(({ name }) => name);
    throw invalid([{ field: 'kind', message: `expected one of ${offered.join(', ')}, got "${kindName}"` }]);
  }
  const checked = isChecked ? input : checkInput(kind, input);
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
    ...ownerOf(actor),
    project: options.project ?? null,
    tags: options.tags,
    info: options.info ?? null,
    baseRuns: options.baseRuns,
    parentId: parentId ?? null,
    input: checked,
    retry: options.retry ?? (kind.isRepeatable?.(checked) ? retryWhenLost : defaultRetry),
    run: toRun(kind, options),
    againOf: again?.of ?? null,
    scriptSha256: again?.scriptSha256 ?? null,
    timeoutMs:
      timeoutSeconds === undefined ? defaultTimeoutMs : Math.max(1, Math.round(timeoutSeconds * 1000)),
    idempotency:
      options.idempotencyKey === undefined
        ? null
        : {
            scope: keyScopeOf(ownerOf(actor)),
            key: options.idempotencyKey,
            bodyHash: again
              ? hashBody('run again', again.of, toRepeated(again.asked, options, hashes))
              : hashBody(kindName, input, byContent(options, hashes)),
          },
  };
}

/** @throws AppError for a kind that starts no program */
function toRun(kind: Kind, options: SubmitOptions): RunOptions | null {
  const said = Object.entries(toRunOptions(options)).filter(([, value]) => value !== undefined);
  if (said.length === 0) return null;
  if (kind.runsProgram) return Object.fromEntries(said);
  throw invalid(said.map(([field]) => ({ field, message: `a job of kind ${kind.name} runs no program` })));
}

function toRunOptions({ limits, nice, env, stdin, workdir, files }: SubmitOptions): RunOptions {
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

/** A file that is uploaded again for a repeated submit has another id and is the same. */
function byContent({ files, ...options }: SubmitOptions, hashes: PrepareOptions['hashes']): object {
  if (!files?.length) return options;
  return { ...options, files: files.map(({ file, name }) => ({ name, sha256: hashes.get(file) })) };
}

/** What of a request to run again its repetition has as well, wherever the key stood. */
function toRepeated(
  { edit, ...how }: AskedAgain,
  options: SubmitOptions,
  hashes: PrepareOptions['hashes'],
): object {
  const { idempotencyKey: _key, ...rest } = edit;
  const files = 'files' in rest ? byContent(options, hashes) : {};
  return { ...how, edit: 'files' in files ? { ...rest, files: files.files } : rest };
}

/** A kind has no blank in its name. */
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
