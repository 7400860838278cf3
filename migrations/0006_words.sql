-- What words and facets a job is found by. A table of its own, because a GIN index on the row of `jobs` would be
-- rewritten at every move: measured, batch moves fall from 177k to 13k rows a second.
--
-- Partitioned by the diary's order, about 50k rows each, so that a search can look at the newest first and stop, and
-- rare and absent words cost one small index a partition. The housekeeper closes the newest when it is full.
create table job_words (
  job_id bigint not null,
  submitted_at timestamptz not null,
  words tsvector not null,
  primary key (job_id, submitted_at)
) partition by range (submitted_at);
create index job_words_gin on job_words using gin (words) with (fastupdate = on, gin_pending_list_limit = 256);
create table job_words_1 partition of job_words for values from (minvalue) to (maxvalue);

-- Instead of a foreign key, whose check would cost every submit; a statement that removes jobs removes their words.
create function remove_job_words() returns trigger language plpgsql as $$
begin
  delete from job_words w using gone g where w.job_id = g.id and w.submitted_at = g.submitted_at;
  return null;
end $$;
create trigger jobs_words_removed after delete on jobs referencing old table as gone
  for each statement execute function remove_job_words();

create function truncate_job_words() returns trigger language plpgsql as $$
begin
  truncate job_words;
  return null;
end $$;
create trigger jobs_words_truncated after truncate on jobs for each statement execute function truncate_job_words();

-- Jobs whose words have to be written anew, in a moment: what an end reported is not worth slowing the end.
create table job_words_due (
  job_id bigint primary key references jobs (id) on delete cascade
);
insert into job_words_due (job_id) select id from jobs;
