-- Rules that submit jobs by the clock, and what became of each due moment.
create table schedules (
  id bigint generated always as identity primary key,
  name text not null,
  note text not null default '',
  cron text not null,
  timezone text not null,
  overlap text not null,
  missed text not null,
  missed_limit integer not null,
  starts_at timestamptz,
  ends_at timestamptz,
  blackouts jsonb not null default '[]',
  jitter_seconds integer not null default 0,
  is_paused boolean not null default false,
  -- The body of a submit; json, not jsonb: the order of members is kept.
  submit json not null,
  owner text not null,
  -- Every moment up to this one is decided. Whoever decides moves it from where it was read: that is the fence.
  cursor timestamptz not null,
  next_at timestamptz,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  changed_by text not null,
  constraint schedules_overlap_check check (overlap in ('skip', 'queue', 'replace', 'allow')),
  constraint schedules_missed_check check (missed in ('skip', 'once', 'all')),
  constraint schedules_missed_limit_check check (missed_limit > 0),
  constraint schedules_jitter_check check (jitter_seconds >= 0),
  constraint schedules_paused_not_due check (not is_paused or next_at is null)
);
create unique index schedules_name on schedules (lower(name));
create index schedules_due on schedules (next_at) where next_at is not null;

create table schedule_runs (
  id bigint generated always as identity primary key,
  schedule_id bigint not null references schedules (id) on delete cascade,
  due_at timestamptz not null,
  last_due_at timestamptz,
  moments integer not null default 1,
  outcome text not null,
  message text,
  -- Who asked for it; null: it was due.
  asked_by text,
  job_id bigint references jobs (id) on delete set null,
  decided_at timestamptz not null default now(),
  constraint schedule_runs_outcome_check check (
    outcome in ('pending', 'submitted', 'overlap', 'blackout', 'missed', 'refused')
  ),
  constraint schedule_runs_moments_check check (moments > 0)
);
-- A due moment is decided once, whatever the code does.
create unique index schedule_runs_moment on schedule_runs (schedule_id, due_at) where asked_by is null;
create index schedule_runs_newest on schedule_runs (schedule_id, due_at desc, id desc);
create index schedule_runs_pending on schedule_runs (id) where outcome = 'pending';
create index schedule_runs_of_job on schedule_runs (job_id) where job_id is not null;
