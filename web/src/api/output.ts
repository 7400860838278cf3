import { api, dataOf } from './client.ts';
import type { operations } from './generated.ts';
import type { StreamChoice } from '../../../src/contract/stream.ts';

export type OutputView = operations['viewOutput']['responses'][200]['content']['application/json'];
export type OutputLine = OutputView['lines'][number];

/** Which output: of a job, one attempt, one stream or both. */
export interface OutputSource {
  jobId: number;
  attempt: number;
  stream: StreamChoice;
  /** Also lines that were reports to Daybook. */
  protocol: boolean;
}

type ViewQuery = NonNullable<operations['viewOutput']['parameters']['query']>;
type FindQuery = NonNullable<operations['readOutput']['parameters']['query']>;

/** Lines around a place. */
export function viewOutput(
  { jobId, protocol, ...source }: OutputSource,
  query: Pick<ViewQuery, 'from' | 'direction' | 'lines'>,
): Promise<OutputView> {
  return dataOf(
    api.GET('/api/v1/jobs/{id}/output/view', {
      params: { path: { id: String(jobId) }, query: { ...source, protocol: String(protocol), ...query } },
    }),
  );
}

export type FoundPage = operations['readOutput']['responses'][200]['content']['application/json'];

/** Lines that hold a text, as far as the server came in its time. */
export function findOutput(
  { jobId, protocol, ...source }: OutputSource,
  query: Pick<FindQuery, 'find' | 'case' | 'direction' | 'from' | 'lines'>,
  signal: AbortSignal,
): Promise<FoundPage> {
  return dataOf(
    api.GET('/api/v1/jobs/{id}/output', {
      params: { path: { id: String(jobId) }, query: { ...source, protocol: String(protocol), ...query } },
      signal,
    }),
  );
}
