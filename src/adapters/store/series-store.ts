import type { AttemptKey } from '../../contract/attempt.ts';
import type { SeriesPoints, SeriesStore, SeriesSummary } from '../../domain/reports/series-ports.ts';
import type { Database } from './database.ts';

/**
 * The row of the series is locked by the upsert, so two writers of one series take turns and chunks neither overlap
 * nor leave holes.
 */
const appendStatement = {
  name: 'append-series',
  text: `
with column_of as (
  insert into series (job_id, attempt, name, unit, points) values ($1, $2, $3, $4, $5)
  on conflict (job_id, attempt, name) do update
    set points = series.points + excluded.points, unit = coalesce(excluded.unit, series.unit)
  returning id, points
)
insert into series_chunks (series_id, first_point, points, x, y)
select id, points - $5, $5, $6, $7 from column_of`,
};

export function createSeriesStore(db: Database): SeriesStore {
  return {
    append: (attempt, points) => append(db, attempt, points),
    list: (jobId) =>
      db.query<SeriesSummary>(
        'select id, attempt, name, unit, points from series where job_id = $1 order by attempt, name',
        [jobId],
      ),
    read: (seriesId, first, limit) => read(db, seriesId, first, limit),
  };
}

async function append(db: Database, attempt: AttemptKey, points: readonly SeriesPoints[]): Promise<void> {
  await db.transaction(async (tx) => {
    for (const { name, unit, x, y } of merge(points)) {
      await tx.query(appendStatement, [
        attempt.jobId,
        attempt.number,
        name,
        unit ?? null,
        x.length,
        toBytes(x),
        toBytes(y),
      ]);
    }
  });
}

/** In order of name, so that two writers lock rows in one order. */
function merge(
  points: readonly SeriesPoints[],
): { name: string; unit: string | null; x: number[]; y: number[] }[] {
  const byName = new Map<string, { name: string; unit: string | null; x: number[]; y: number[] }>();
  for (const { name, unit, x, y } of points) {
    const column = byName.get(name) ?? { name, unit: null, x: [], y: [] };
    byName.set(name, column);
    column.unit = unit ?? column.unit;
    for (const value of x) column.x.push(value);
    for (const value of y) column.y.push(value);
  }
  return [...byName.values()].sort((a, b) => a.name.localeCompare(b.name));
}

interface ChunkRow {
  first_point: number;
  x: Buffer;
  y: Buffer;
}

async function read(
  db: Database,
  seriesId: number,
  first: number,
  limit: number,
): Promise<{ x: Float64Array; y: Float64Array }> {
  const rows = await db.query<ChunkRow>(
    `select first_point, x, y from series_chunks
     where series_id = $1 and first_point + points > $2 and first_point < $3 order by first_point`,
    [seriesId, first, first + limit],
  );
  const skip = Math.max(0, first - (rows[0]?.first_point ?? first));
  const join = (pick: (row: ChunkRow) => Buffer): Float64Array =>
    fromBytes(Buffer.concat(rows.map(pick))).slice(skip, skip + limit);
  return { x: join((row) => row.x), y: join((row) => row.y) };
}

/** Little-endian, whatever the machine, so that a database can move. */
function toBytes(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8);
  for (const [index, value] of values.entries()) bytes.writeDoubleLE(value, index * 8);
  return bytes;
}

function fromBytes(bytes: Buffer): Float64Array {
  return Float64Array.from({ length: bytes.length / 8 }, (_, index) => bytes.readDoubleLE(index * 8));
}
