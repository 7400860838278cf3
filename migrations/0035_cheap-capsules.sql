-- Capsules hold on to their job as the rest of its history does (0012): whoever writes one has changed or locked the row
-- of its attempt in the same transaction.
alter table capsules drop constraint capsules_job_id_fkey;

create or replace function remove_job_history() returns trigger language plpgsql as $$
begin
  -- Attempts first: a writer of an event or a capsule may hold one of them.
  delete from attempts using gone g where attempts.job_id = g.id;
  delete from capsules using gone g where capsules.job_id = g.id;
  delete from job_inputs using gone g where job_inputs.job_id = g.id;
  delete from events using gone g where events.job_id = g.id;
  return null;
end $$;

create or replace function truncate_job_history() returns trigger language plpgsql as $$
begin
  truncate attempts, capsules, job_inputs, events cascade;
  return null;
end $$;
