-- Many things that one job does, each with a verdict of its own: a URL of a list.
--
-- Written in batches while the attempt runs, so that the next attempt of a job that was interrupted goes on from there,
-- and without a foreign key for the reason told in 0012: whoever writes holds the row of the attempt.
create table job_parts (
  job_id bigint not null,
  number integer not null,
  attempt integer not null,
  kind text not null,
  key text not null,
  ended_at timestamptz not null,
  verdict text not null,
  verdict_tone text not null,
  took_ms double precision,
  -- By the schema of the kind. json, not jsonb: it is handed on as it is, never looked into.
  facts json not null,
  primary key (job_id, number),
  constraint job_parts_tone check (verdict_tone in ('good', 'warn', 'bad'))
);
-- What a kind did last, whichever job it belongs to.
create index job_parts_by_end on job_parts (kind, ended_at desc, job_id desc, number desc);
-- What is known of one key. A key may be longer than an index takes, so it is found by its hash.
create index job_parts_by_key on job_parts (kind, hashtextextended(key, 0), ended_at desc);

create function remove_job_parts() returns trigger language plpgsql as $$
begin
  delete from job_parts using gone g where job_parts.job_id = g.id;
  return null;
end $$;
create trigger jobs_parts_removed after delete on jobs referencing old table as gone
  for each statement execute function remove_job_parts();

create function truncate_job_parts() returns trigger language plpgsql as $$
begin
  truncate job_parts;
  return null;
end $$;
create trigger jobs_parts_truncated after truncate on jobs for each statement execute function truncate_job_parts();
