import type { Actor } from '../../contract/actor.ts';
import type { JobSummary } from '../../contract/job.ts';
import type { JobReader } from '../jobs/reader-ports.ts';
import type { OutputFinder } from '../output/ports.ts';
import type { FoundOutput, JobSearch, OutputSearch, OutputSearchRequest } from './ports.ts';

export interface OutputSearchSources {
  search: JobSearch;
  reader: Pick<JobReader, 'attemptRef'>;
  finder: OutputFinder;
}

/** Jobs looked at between two looks at the clock. */
const mostJobsAtOnce = 20;
/** Of a line; of many lines of many jobs an answer holds some MiB. */
const shownCharacters = 500;
/** One gigabyte must not use up the time of all the others. */
const budgetPerJobMs = 1_000;

/**
 * Looks for a text in what jobs printed, job by job in the order of the diary. No index takes part: the cost is that of
 * reading the output, so it is bounded by time. A filter that leaves fewer jobs is what makes it reach further.
 */
export function createOutputSearch({ search, reader, finder }: OutputSearchSources): OutputSearch {
  const findInJob = async (
    job: JobSummary,
    { text, ignoresCase, linesPerJob, signal }: OutputSearchRequest,
    actor: Actor,
  ): Promise<FoundOutput[]> => {
    const attempt = job.attempt === 0 ? null : await reader.attemptRef(job.id, null, actor);
    if (!attempt) return [];
    const found = await finder.find(attempt, {
      text,
      ignoresCase,
      stream: null,
      from: null,
      direction: 'forward',
      limit: linesPerJob,
      budgetMs: budgetPerJobMs,
      signal,
    });
    const isUnfinished = !found.isComplete && found.lines.length < linesPerJob;
    if (found.lines.length === 0 && !isUnfinished) return [];
    const lines = found.lines.map((line) => ({ ...line, text: around(line.text, { text, ignoresCase }) }));
    return [{ job, attempt: attempt.number, lines, isUnfinished }];
  };

  return {
    find: async (request, actor) => {
      const deadline = performance.now() + request.budgetMs;
      const items: FoundOutput[] = [];
      const jobsAtOnce = Math.min(mostJobsAtOnce, request.limit);
      let { cursor } = request;
      for (;;) {
        const page = await search.find(
          {
            ...request,
            ...(cursor === undefined ? {} : { cursor }),
            limit: jobsAtOnce,
          },
          actor,
        );
        for (const found of await Promise.all(page.items.map((job) => findInJob(job, request, actor))))
          items.push(...found);
        const searchedBackTo = page.items.at(-1)?.submittedAt ?? page.searchedBackTo;
        if (page.cursor === null) return { items, cursor: null, searchedBackTo: null };
        const isFull = items.length + jobsAtOnce > request.limit;
        const isOver = request.signal.aborted || performance.now() > deadline;
        if (isFull || isOver) return { items, cursor: page.cursor, searchedBackTo };
        cursor = page.cursor;
      }
    },
  };
}

/** The part of a long line in which the text stands. */
function around(
  line: string,
  { text, ignoresCase }: Pick<OutputSearchRequest, 'text' | 'ignoresCase'>,
): string {
  if (line.length <= shownCharacters) return line;
  const at = ignoresCase ? line.toLowerCase().indexOf(text.toLowerCase()) : line.indexOf(text);
  const room = Math.max(0, shownCharacters - text.length);
  const from = Math.max(0, Math.min(at - Math.floor(room / 2), line.length - shownCharacters));
  const to = from + Math.max(shownCharacters, text.length);
  return `${from > 0 ? '…' : ''}${line.slice(from, to)}${to < line.length ? '…' : ''}`.toWellFormed();
}
