import { systemActor } from '../../contract/actor.ts';
import type { AttemptId } from '../../contract/attempt.ts';
import type { ExplainFailure } from '../elsewhere/import-ports.ts';
import type { OutputReader } from '../output/ports.ts';
import { familyOf, findErrorLine } from './failure.ts';
import type { JobReader } from './reader-ports.ts';
import type { Stream } from '../../contract/stream.ts';

export interface LastWordsSources {
  reader: Pick<JobReader, 'attemptRef'>;
  output: Pick<OutputReader, 'tail'>;
}

/** Both streams together; what went wrong is seldom further up. */
const linesLookedAt = 200;
/** Characters. */
const longestLooked = 200_000;

/** What a job of which only the output is known said last, and who failed alike. */
export const explainFailure: ExplainFailure = (failure, { stdout, stderr }) => {
  const last = (text: string): string[] => text.slice(-longestLooked).split('\n').slice(-linesLookedAt);
  const errorLine = findErrorLine({ stdout: last(stdout), stderr: last(stderr) });
  return { errorLine, family: familyOf({ ...failure, state: 'failed', errorLine }) };
};

/** What an attempt that failed said last; null when it said nothing, or its output cannot be read. */
export async function readErrorLine(
  { jobId, number }: AttemptId,
  { reader, output }: LastWordsSources,
): Promise<string | null> {
  try {
    const attempt = await reader.attemptRef(jobId, number, systemActor('failures'));
    if (!attempt) return null;
    const { lines } = await output.tail(attempt, linesLookedAt, null);
    const of = (stream: Stream): string[] =>
      lines.flatMap((line) => (line.kind === 'text' && line.stream === stream ? [line.text] : []));
    return findErrorLine({ stdout: of('stdout'), stderr: of('stderr') });
  } catch {
    // The end of an attempt must not wait for what only describes it.
    return null;
  }
}
