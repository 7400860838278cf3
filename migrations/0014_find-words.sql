-- Jobs of a span of the diary whose words fit `wanted` by the index and `checked` by a look at the row, the next in
-- order behind a place. A function for the sake of its settings and its plan, which is made once a connection: planning
-- for 20 partitions takes 5 ms, and asking all of them for an absent word by a plan that is there 0.5.
--
-- So few rows, that each job of them is looked up instead of all being read.
--
-- Without the other kinds of scan, since a plan made for empty partitions stays until they are analyzed.
create function find_words(
  wanted tsquery, checked tsquery, from_at timestamptz, until_at timestamptz, behind_at timestamptz, behind_id bigint,
  is_newest_first boolean, most integer
) returns table (id bigint, submitted_at timestamptz) language plpgsql stable rows 10
set enable_seqscan = off set enable_indexscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  if is_newest_first then
    return query select w.job_id, w.submitted_at from job_words w
      where w.words @@ wanted and (checked is null or ts_match_vq(w.words, checked))
        and w.submitted_at >= from_at and w.submitted_at < until_at
        and (w.submitted_at, w.job_id) < (behind_at, behind_id)
      order by w.submitted_at desc, w.job_id desc limit most;
  else
    return query select w.job_id, w.submitted_at from job_words w
      where w.words @@ wanted and (checked is null or ts_match_vq(w.words, checked))
        and w.submitted_at >= from_at and w.submitted_at < until_at
        and (w.submitted_at, w.job_id) > (behind_at, behind_id)
      order by w.submitted_at, w.job_id limit most;
  end if;
end $$;
