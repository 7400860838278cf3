-- A job that does nothing writes an input, an attempt and three events; checking the job they belong to, row by row,
-- cost more than writing them. So these tables hold on to their job in another way:
--
-- * Whoever writes such a row has, in the same transaction, made the job, changed its row, or locked it or a row that
--   goes with it (an attempt, a capsule). A removal of the job waits for that lock and then sees the row.
-- * A statement that removes jobs removes their rows by one statement a table. It reads with a snapshot taken after
--   the rows of `jobs` were locked, so it misses nothing that was committed before.
alter table events drop constraint events_job_id_fkey;
alter table attempts drop constraint attempts_job_id_fkey, drop constraint attempts_worker_id_fkey;
alter table job_inputs drop constraint job_inputs_job_id_fkey;

create function remove_job_history() returns trigger language plpgsql as $$
begin
  -- Attempts first: a writer of an event may hold one of them.
  delete from attempts using gone g where attempts.job_id = g.id;
  delete from job_inputs using gone g where job_inputs.job_id = g.id;
  delete from events using gone g where events.job_id = g.id;
  return null;
end $$;
create trigger jobs_history_removed after delete on jobs referencing old table as gone
  for each statement execute function remove_job_history();

create function truncate_job_history() returns trigger language plpgsql as $$
begin
  truncate attempts, job_inputs, events cascade;
  return null;
end $$;
create trigger jobs_history_truncated after truncate on jobs for each statement execute function truncate_job_history();

create function forget_worker_of_attempts() returns trigger language plpgsql as $$
begin
  update attempts set worker_id = null from gone g where worker_id = g.id;
  return null;
end $$;
create trigger workers_forgotten after delete on workers referencing old table as gone
  for each statement execute function forget_worker_of_attempts();
create function forget_all_workers_of_attempts() returns trigger language plpgsql as $$
begin
  update attempts set worker_id = null where worker_id is not null;
  return null;
end $$;
create trigger workers_all_forgotten after truncate on workers
  for each statement execute function forget_all_workers_of_attempts();

-- One index instead of two: nobody asks for an event by its number alone.
alter table events drop constraint events_pkey, add primary key (job_id, id);
drop index events_of_job;

-- What runs is little, so a worker finds its own among it by `attempts_one_running`.
drop index attempts_of_worker;
