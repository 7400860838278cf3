import { randomUUID } from 'node:crypto';
import { importedJob, type ImportedJob, type ImportOutcome } from '../../contract/import.ts';
import type { Actor } from '../../contract/actor.ts';
import { parseJson } from '../../contract/whole-numbers.ts';
import { hasMoreValues, isNestedTooDeeply, mostLevels } from '../../lib/json-values.ts';
import type {
  ChunkOutput,
  ExplainFailure,
  ImportOptions,
  Imports,
  ImportStore,
  NewImport,
} from './import-ports.ts';

/** Rows of one statement: more gain nothing, and a batch with output is held in memory. */
const batchLines = 500;
const batchCharacters = 8 * 1024 * 1024;

/** Most of them in what was asked, which is kept as it is. */
const mostValues = 100_000;
/** A line has some thirty. */
const mostMembers = 200;
const mostProblems = 100;

type Checked = { line: number } & (
  | { job: ImportedJob; key: string }
  | { problems: { field: string; message: string }[] }
);

/**
 * Jobs that others ran, from lines of JSON. Who a job is, source, cluster, number and time of submit say; so the same
 * file may be imported again and again. Of two lines about one job in a batch, or with one uid, the first counts.
 */
export interface ImportsOptions {
  store: ImportStore;
  chunk: ChunkOutput;
  explainFailure: ExplainFailure;
}

export function createImports({ store, ...how }: ImportsOptions): Imports {
  async function flush(
    batch: readonly Checked[],
    options: ImportOptions,
    actor: Actor,
  ): Promise<ImportOutcome[]> {
    const firsts = new Map<string, ImportedJob>();
    const keyOfUid = new Map<string, string>();
    const firstKey = ({ key, job: { uid } }: { key: string; job: ImportedJob }): string =>
      (uid === undefined ? undefined : keyOfUid.get(uid)) ?? key;
    for (const one of batch) {
      if (!('job' in one) || firsts.has(firstKey(one))) continue;
      firsts.set(one.key, one.job);
      if (one.job.uid !== undefined) keyOfUid.set(one.job.uid, one.key);
    }
    const keys = [...firsts.keys()];
    const jobs = await Promise.all([...firsts.values()].map((job) => prepare(job, how)));
    const stored = jobs.length === 0 ? [] : await store.store(jobs, options, actor);
    const results = new Map(keys.map((key, index) => [key, stored[index]]));
    const told = new Set<string>();
    return batch.map((one): ImportOutcome => {
      if ('problems' in one) return { line: one.line, outcome: 'refused', problems: one.problems };
      const key = firstKey(one);
      const result = results.get(key);
      const outcome = told.has(key) ? 'known' : (result?.outcome ?? 'known');
      told.add(key);
      return { line: one.line, outcome, jobId: result?.jobId ?? null };
    });
  }

  return {
    run: async function* (lines, options, actor) {
      let batch: Checked[] = [];
      let characters = 0;
      let line = 0;
      for await (const text of lines) {
        line += 1;
        if (text.trim() === '') continue;
        batch.push({ line, ...check(text) });
        characters += text.length;
        if (batch.length < batchLines && characters < batchCharacters) continue;
        yield* await flush(batch, options, actor);
        batch = [];
        characters = 0;
      }
      yield* await flush(batch, options, actor);
    },
  };
}

function check(
  text: string,
): { job: ImportedJob; key: string } | { problems: { field: string; message: string }[] } {
  if (hasMoreValues(text, mostValues))
    return { problems: [{ field: '', message: `has more than ${mostValues} values` }] };
  if (isNestedTooDeeply(text))
    return { problems: [{ field: '', message: `is nested too deeply: more than ${mostLevels} levels` }] };
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    return { problems: [{ field: '', message: `is not valid JSON: ${(error as Error).message}` }] };
  }
  if (typeof value === 'object' && value !== null && Object.keys(value).length > mostMembers)
    return { problems: [{ field: '', message: `has more than ${mostMembers} members` }] };
  const parsed = importedJob.safeParse(value);
  if (parsed.success) return { job: parsed.data, key: keyOf(parsed.data) };
  return {
    problems: parsed.error.issues
      .slice(0, mostProblems)
      .map(({ path, message }) => ({ field: path.join('.'), message })),
  };
}

function keyOf({ source, cluster, id, submittedAt }: ImportedJob): string {
  return JSON.stringify([source, cluster, id, Date.parse(submittedAt)]);
}

async function prepare(
  job: ImportedJob,
  { chunk, explainFailure }: Omit<ImportsOptions, 'store'>,
): Promise<NewImport> {
  const { stdout = '', stderr = '', endedAt, startedAt, submittedAt } = job;
  const hasOutput = stdout !== '' || stderr !== '';
  const at = new Date(endedAt ?? startedAt ?? submittedAt);
  const { chunks, stdoutBytes, stderrBytes } = hasOutput
    ? await chunk({ stdout, stderr, at })
    : { chunks: [], stdoutBytes: 0, stderrBytes: 0 };
  const { exitCode = null, signal = null, message = null } = job;
  const reason = job.state === 'failed' ? (job.reason ?? (exitCode === null ? 'error' : 'exit')) : null;
  return {
    ...job,
    ...(reason === null ? {} : { reason }),
    uid: job.uid ?? randomUUID(),
    output: chunks,
    stdoutBytes,
    stderrBytes,
    ...(reason === null
      ? { errorLine: null, family: null }
      : explainFailure({ reason, exitCode, signal, message }, { stdout, stderr })),
  };
}
