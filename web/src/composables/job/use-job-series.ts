import { toValue, type MaybeRefOrGetter } from 'vue';
import type { Job } from '../../../../src/contract/job.ts';
import { api, dataOf } from '../../api/client.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

/** Points of one job, in the order in which they were measured. */
export interface PlotLine {
  label: string;
  jobId: number;
  isBase: boolean;
  x: Float64Array;
  y: Float64Array;
}

export interface Plot {
  name: string;
  unit: string | null;
  /** The job's own first. */
  lines: PlotLine[];
  /** Points that are stored but not shown. */
  hidden: number;
}

interface Summary {
  id: number;
  attempt: number;
  name: string;
  unit: string | null;
  points: number;
}

type Points = Pick<PlotLine, 'x' | 'y'>;

/** More than a screen shows, and as much as a browser draws at once. */
const mostPoints = 200_000;
const pagePoints = 50_000;
const runningMs = 2_000;

/** What a job measured, each with what its base runs measured under the same name; grows while it runs. */
export function useJobSeries(job: MaybeRefOrGetter<Job>): LiveQuery<readonly Plot[]> {
  /** By number of the series; of one that grows only the new points are asked for. */
  const known = new Map<number, Points>();
  return useLiveQuery<readonly Plot[]>({
    key: () => ['series', toValue(job).id, ...baseRunsOf(toValue(job))],
    fetch: () => fetchPlots(toValue(job), known),
    concerns: ({ jobId }) => jobId === toValue(job).id,
    everyMs: () => (toValue(job).state === 'running' ? runningMs : false),
  });
}

function baseRunsOf({ baseRuns }: Job): number[] {
  return baseRuns.flatMap(({ jobId }) => (jobId === null ? [] : [jobId]));
}

async function fetchPlots(job: Job, known: Map<number, Points>): Promise<Plot[]> {
  const own = await fetchNewest(job.id);
  if (own.length === 0) return [];
  // A base run that was removed is no reason to show nothing.
  const others = await Promise.all(
    baseRunsOf(job).map(async (jobId) => ({ jobId, list: await fetchNewest(jobId).catch(() => []) })),
  );
  return Promise.all(
    own.map(async (series): Promise<Plot> => {
      const same = others.flatMap(({ jobId, list }) =>
        list.filter(({ name }) => name === series.name).map((found) => ({ jobId, found })),
      );
      const lines = await Promise.all(
        [{ jobId: job.id, found: series }, ...same].map(async ({ jobId, found }) => ({
          label: jobId === job.id ? series.name : `${series.name}, job ${jobId}`,
          jobId,
          isBase: jobId !== job.id,
          ...(await fetchPoints(jobId, found, known)),
        })),
      );
      const hidden = Math.max(0, series.points - mostPoints);
      return { name: series.name, unit: series.unit, lines, hidden };
    }),
  );
}

/** Of the newest attempt that measured anything. */
async function fetchNewest(id: number): Promise<Summary[]> {
  const params = { path: { id: String(id) } };
  const { items } = await dataOf(api.GET('/api/v1/jobs/{id}/series', { params }));
  const newest = Math.max(0, ...items.map(({ attempt }) => attempt));
  return items.filter(({ attempt }) => attempt === newest);
}

async function fetchPoints(jobId: number, series: Summary, known: Map<number, Points>): Promise<Points> {
  let points = known.get(series.id) ?? { x: new Float64Array(), y: new Float64Array() };
  const end = Math.min(series.points, mostPoints);
  while (points.x.length < end) {
    const first = points.x.length;
    const query = { first, limit: Math.min(pagePoints, end - first) };
    const path = { id: String(jobId), series: series.id };
    const page = await dataOf(api.GET('/api/v1/jobs/{id}/series/{series}', { params: { path, query } }));
    if (page.x.length === 0) break;
    points = { x: join(points.x, page.x), y: join(points.y, page.y) };
  }
  known.set(series.id, points);
  return points;
}

function join(before: Float64Array, added: readonly number[]): Float64Array {
  const all = new Float64Array(before.length + added.length);
  all.set(before);
  all.set(added, before.length);
  return all;
}
