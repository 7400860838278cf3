import type { Bucket } from '../../../contract/stats.ts';
import type { Database } from '../database.ts';

/**
 * Where hours, days, weeks or months meet, from the one that `from` lies in to the end of the one before `until`. By
 * PostgreSQL's own table of time zones, so that days of 23 and 25 hours are right; an hour that is there twice is two.
 */
export async function bucketEdges(
  db: Database,
  { from, until, bucket, timezone }: { from: Date; until: Date; bucket: Bucket; timezone: string },
): Promise<Date[]> {
  const rows = await db.query<{ edge: Date }>(
    bucket === 'hour'
      ? `select edge from generate_series(date_trunc('hour', $1::timestamptz, $3), $2::timestamptz + interval '59 min 59.999 s', interval '1 hour') edge`
      : `select edge at time zone $3 as edge from generate_series(
           date_trunc('${bucket}', $1::timestamptz at time zone $3),
           ($2::timestamptz at time zone $3) + interval '1 ${bucket}' - interval '1 ms',
           interval '1 ${bucket}') edge`,
    [from, until, timezone],
  );
  return rows.map(({ edge }) => edge);
}
