-- A row of `jobs` was written anew at every move, with all its indexes. It is what was submitted now, and written anew
-- only when people change it. Where a job stands is a row in exactly one of three tables: `queued` while it waits,
-- `running`, `ends`. A move takes the row out of one and puts one into the next, in one statement; the row is its lock.

do $$
declare
  alive text;
begin
  -- A worker of an older version would go on with statements for the old tables.
  select string_agg(name, ', ' order by name) into alive from workers
    where state = 'active' and seen_at > clock_timestamp() - interval '1 minute';
  if alive is not null then
    raise exception 'workers of an older version are active: %', alive using errcode = 'DB001',
      hint = 'Stop every server and worker of this database, then start the new version. One that was killed counts as active for a minute.';
  end if;
end $$;

lock table jobs, attempts, queue_needs, queues in access exclusive mode;

-- Where jobs wait: a queue, and the labels that a worker must offer. Rows keep their numbers.
create table places (
  id integer generated always as identity primary key,
  queue text not null references queues on delete cascade,
  needs text[] not null,
  unique (queue, needs)
);

-- Jobs that wait for another job, a lane, their time, or a worker.
create table queued (
  job_id bigint not null,
  place integer,
  priority smallint not null,
  state text not null,
  run_at timestamptz,
  blocked_by text,
  -- Attempts so far, and how many of them were taken back.
  attempt integer not null default 0,
  released integer not null default 0,
  kind text not null,
  lanes text[] not null,
  submitted_at timestamptz not null default now(),
  owner text not null,
  -- Of the last attempt.
  started_at timestamptz,
  constraint queued_state_check check (state in ('waiting', 'scheduled', 'queued')),
  constraint queued_has_place check (state <> 'queued' or place is not null),
  constraint queued_scheduled_has_time check (state <> 'scheduled' or run_at is not null),
  constraint queued_attempts_check check (released >= 0 and released <= attempt)
);

-- The running attempt of a job; its primary key lets there be one only. It is written to `attempts` when it ends.
create table running (
  job_id bigint not null,
  number integer not null,
  token uuid not null default gen_random_uuid(),
  -- `external`: elsewhere, and `worker_name` is whoever reports it.
  runs_by text not null,
  worker_id uuid,
  worker_name text,
  incarnation integer,
  kind text not null,
  claimed_at timestamptz not null default now(),
  launched_at timestamptz,
  free_before_kib bigint,
  program jsonb,
  progress jsonb,
  cancel_requested_at timestamptz,
  cancel_requested_by text,
  cancel_reason text,
  cancel_grace_ms bigint,
  -- Lanes in which it holds a place.
  lanes text[] not null default '{}',
  released integer not null default 0,
  run_at timestamptz,
  place integer,
  submitted_at timestamptz not null,
  owner text not null,
  constraint running_runs_by_check check (runs_by in ('slot', 'external')),
  constraint running_slot_has_worker check (runs_by <> 'slot' or worker_name is not null)
);

-- How jobs ended; also those of which nobody knows how they stand, which have no time of end.
create table ends (
  job_id bigint not null,
  submitted_at timestamptz not null,
  owner text not null,
  place integer,
  state text not null,
  reason text,
  message text,
  verdict text,
  verdict_tone text,
  family text,
  progress jsonb,
  attempt integer not null,
  released integer not null default 0,
  run_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  cancel_requested_at timestamptz,
  cancel_requested_by text,
  cancel_reason text,
  constraint ends_state_check check (state in ('succeeded', 'failed', 'cancelled', 'finished', 'unknown')),
  constraint ends_has_time check ((state = 'unknown') = (ended_at is null)),
  constraint ends_failed_has_reason check (state <> 'failed' or reason is not null),
  constraint ends_reason_check check (reason is null or (state = 'failed' and reason in ('exit', 'signal', 'timeout', 'limit', 'lost', 'rejected', 'error'))),
  constraint ends_tone_check check ((verdict is null) = (verdict_tone is null) and verdict_tone in ('good', 'warn', 'bad'))
);

-- Rows of these come and go with every job: what is dead goes after so many moves, however large the table was once.
alter table queued set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, vacuum_truncate = off);
alter table running set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, vacuum_truncate = off);

insert into places (queue, needs)
select queue, needs from queue_needs union select queue, needs from jobs where queue is not null;

insert into ends (job_id, submitted_at, owner, place, state, reason, message, verdict, verdict_tone, family, progress, attempt,
  released, run_at, started_at, ended_at, cancel_requested_at, cancel_requested_by, cancel_reason)
select j.id, j.submitted_at, j.owner, p.id, j.state, j.reason, j.message, j.verdict, j.verdict_tone, j.family, j.progress, j.attempt,
  j.released, j.run_at, j.started_at, j.ended_at, j.cancel_requested_at, j.cancel_requested_by, j.cancel_reason
from jobs j left join places p on p.queue = j.queue and p.needs = j.needs
where j.state in ('succeeded', 'failed', 'cancelled', 'finished', 'unknown') order by j.id;

insert into running (job_id, number, token, runs_by, worker_id, worker_name, incarnation, kind, claimed_at, launched_at, free_before_kib,
  program, progress, cancel_requested_at, cancel_requested_by, cancel_reason, cancel_grace_ms, lanes, released, run_at, place,
  submitted_at, owner)
select j.id, a.number, a.token, a.owner, a.worker_id, a.worker_name, a.incarnation, j.kind, a.claimed_at, a.launched_at, a.free_before_kib,
  a.program, j.progress, j.cancel_requested_at, j.cancel_requested_by, j.cancel_reason, j.cancel_grace_ms, a.lanes, j.released, j.run_at, p.id,
  j.submitted_at, j.owner
from jobs j join attempts a on a.job_id = j.id and a.number = j.attempt and a.state = 'running'
left join places p on p.queue = j.queue and p.needs = j.needs
where j.state = 'running';

insert into queued (job_id, place, priority, state, run_at, blocked_by, attempt, released, kind, lanes, submitted_at, owner, started_at)
select j.id, p.id, j.priority, j.state, j.run_at, j.blocked_by, j.attempt, j.released, j.kind, j.lanes, j.submitted_at, j.owner, j.started_at
from jobs j left join places p on p.queue = j.queue and p.needs = j.needs
where j.state in ('waiting', 'scheduled', 'queued');

do $$
declare
  before bigint := (select count(*) from jobs);
  after bigint := (select count(*) from ends) + (select count(*) from running) + (select count(*) from queued);
begin
  if before <> after then
    raise exception '% jobs, of which % would be left: a running job has no running attempt', before, after using errcode = 'DB001',
      hint = 'Nothing was changed. Look for jobs in the state "running" without an attempt in that state.';
  end if;
end $$;

alter table queued add primary key (job_id);
alter table running add primary key (job_id);
alter table ends add primary key (job_id);
create index queued_claim on queued (place, priority desc, job_id) where state = 'queued';
create index queued_due on queued (run_at) where state = 'scheduled';
create index queued_blocked on queued (blocked_by, priority desc, job_id) where state = 'waiting';
create index ends_position on ends (state, submitted_at desc, job_id desc);
create index ends_unsuccessful_of_owner on ends (lower(owner), submitted_at desc, job_id desc) where state <> 'succeeded';
create index ends_of_place on ends (place, state);
create index ends_family_position on ends (family, submitted_at desc, job_id desc) where family is not null;
create index ends_failed_at on ends (ended_at) where family is not null;
create index ends_ended_at on ends using brin (ended_at) with (pages_per_range = 32, autosummarize = on);

-- An attempt is written once, when it has ended.
alter table external_leases drop constraint external_leases_attempt_fkey;
drop index attempts_one_running;
delete from attempts where state = 'running';
alter table attempts
  drop constraint attempts_ended_has_time,
  drop constraint attempts_state_check,
  alter column state drop default,
  alter column ended_at set not null,
  add constraint attempts_state_check check (state in ('succeeded', 'failed', 'cancelled', 'released', 'finished')),
  reset (fillfactor);
alter table attempts rename column owner to runs_by;
alter table attempts rename constraint attempts_owner_check to attempts_runs_by_check;

drop index jobs_claim, jobs_due, jobs_blocked, jobs_dependent, jobs_state_position, jobs_owner_unsuccessful, jobs_family_position,
  jobs_failed_at, jobs_ended_at;
alter table jobs
  drop column state, drop column reason, drop column message, drop column verdict, drop column verdict_tone, drop column progress,
  drop column blocked_by, drop column run_at, drop column attempt, drop column released, drop column started_at, drop column ended_at,
  drop column cancel_requested_at, drop column cancel_requested_by, drop column cancel_reason, drop column cancel_grace_ms,
  drop column family,
  reset (fillfactor);
create index jobs_queue_position on jobs (queue, submitted_at desc, id desc);

drop table queue_needs;

-- Planned once for each session, perhaps while the tables were empty: it must find its rows by their keys all the same.
create or replace function remove_job_history() returns trigger language plpgsql set enable_seqscan = off as $$
declare
  ids bigint[] := array(select id from gone);
begin
  delete from ends where job_id = any(ids);
  delete from running where job_id = any(ids);
  delete from queued where job_id = any(ids);
  -- Attempts first: a writer of an event or a capsule may hold one of them.
  delete from attempts where job_id = any(ids);
  delete from capsules where job_id = any(ids);
  delete from job_inputs where job_id = any(ids);
  delete from events where job_id = any(ids);
  return null;
end $$;

create or replace function truncate_job_history() returns trigger language plpgsql as $$
begin
  truncate ends, running, queued, attempts, capsules, job_inputs, events, external_leases;
  return null;
end $$;

create or replace function forget_worker_of_attempts() returns trigger language plpgsql as $$
begin
  update running set worker_id = null from gone g where worker_id = g.id;
  update attempts set worker_id = null from gone g where worker_id = g.id;
  return null;
end $$;

create or replace function forget_all_workers_of_attempts() returns trigger language plpgsql as $$
begin
  update running set worker_id = null where worker_id is not null;
  update attempts set worker_id = null where worker_id is not null;
  return null;
end $$;

-- Jobs with where they stand. For jobs that are found by something else: who looks for a state asks its table.
create view job_rows as
select j.id, j.uid, j.kind, j.name, coalesce(e.state, case when r.job_id is not null then 'running' end, q.state) as state,
  e.reason, e.message, e.verdict, e.verdict_tone, coalesce(e.progress, r.progress) as progress,
  j.queue, j.priority, j.needs, j.lanes, q.blocked_by, coalesce(e.run_at, r.run_at, q.run_at) as run_at,
  coalesce(e.attempt, r.number, q.attempt) as attempt, coalesce(e.released, r.released, q.released) as released,
  j.owner, j.owner_id, j.project, j.tags, j.parent_id, j.keep, j.submitted_at,
  coalesce(e.started_at, r.claimed_at, q.started_at) as started_at, e.ended_at,
  coalesce(e.cancel_requested_at, r.cancel_requested_at) as cancel_requested_at,
  coalesce(e.cancel_requested_by, r.cancel_requested_by) as cancel_requested_by,
  coalesce(e.cancel_reason, r.cancel_reason) as cancel_reason, r.cancel_grace_ms,
  j.analysis, j.assessment, j.own_verdict, j.own_verdict_tone, j.again_of, e.family
from jobs j
left join ends e on e.job_id = j.id
left join running r on r.job_id = j.id
left join queued q on q.job_id = j.id;

-- The same of the jobs of one table, which is where whoever asks for a state looks. Number, owner and time are those of
-- that table, so that its indexes answer, and `jobs` is read for what is asked of it alone.
create view end_rows as
select e.job_id as id, j.uid, j.kind, j.name, e.state,
  e.reason, e.message, e.verdict, e.verdict_tone, e.progress,
  j.queue, j.priority, j.needs, j.lanes, null::text as blocked_by, e.run_at,
  e.attempt, e.released,
  e.owner, j.owner_id, j.project, j.tags, j.parent_id, j.keep, e.submitted_at,
  e.started_at, e.ended_at,
  e.cancel_requested_at, e.cancel_requested_by, e.cancel_reason, null::bigint as cancel_grace_ms,
  j.analysis, j.assessment, j.own_verdict, j.own_verdict_tone, j.again_of, e.family
from ends e
left join jobs j on j.id = e.job_id;

create view running_rows as
select r.job_id as id, j.uid, j.kind, j.name, 'running' as state,
  null::text as reason, null::text as message, null::text as verdict, null::text as verdict_tone, r.progress,
  j.queue, j.priority, j.needs, j.lanes, null::text as blocked_by, r.run_at,
  r.number as attempt, r.released,
  r.owner, j.owner_id, j.project, j.tags, j.parent_id, j.keep, r.submitted_at,
  r.claimed_at as started_at, null::timestamptz as ended_at,
  r.cancel_requested_at, r.cancel_requested_by, r.cancel_reason, r.cancel_grace_ms,
  j.analysis, j.assessment, j.own_verdict, j.own_verdict_tone, j.again_of, null::text as family
from running r
left join jobs j on j.id = r.job_id;

create view queued_rows as
select q.job_id as id, j.uid, j.kind, j.name, q.state,
  null::text as reason, null::text as message, null::text as verdict, null::text as verdict_tone, null::jsonb as progress,
  j.queue, j.priority, j.needs, j.lanes, q.blocked_by, q.run_at,
  q.attempt, q.released,
  q.owner, j.owner_id, j.project, j.tags, j.parent_id, j.keep, q.submitted_at,
  q.started_at, null::timestamptz as ended_at,
  null::timestamptz as cancel_requested_at, null::text as cancel_requested_by, null::text as cancel_reason,
  null::bigint as cancel_grace_ms,
  j.analysis, j.assessment, j.own_verdict, j.own_verdict_tone, j.again_of, null::text as family
from queued q
left join jobs j on j.id = q.job_id;

-- Attempts with those that run.
create view attempt_rows as
select job_id, number, token, runs_by, worker_id, worker_name, incarnation, state, reason, message, exit_code, signal, claimed_at,
  launched_at, ended_at, free_before_kib, free_after_kib, cpu_ms, max_rss_bytes, program, stdout_bytes, stderr_bytes, lanes,
  read_bytes, written_bytes, error_line, output_removed_at, output_removed_by
from attempts
union all
select job_id, number, token, runs_by, worker_id, worker_name, incarnation, 'running', null, null, null, null, claimed_at,
  launched_at, null, free_before_kib, null, null, null, program, 0, 0, lanes, null, null, null, null, null
from running;

-- Of an empty diary the planner should know nothing: that it is empty would be wrong a moment later.
do $$ begin
  if exists (select from jobs) then
    analyze jobs;
    analyze ends;
    analyze attempts;
  end if;
end $$;
