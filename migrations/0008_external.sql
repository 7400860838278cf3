-- Attempts that somebody else runs and reports. Whoever reports live has a lease like a worker: a counter raised while
-- it lives. A source that only observes (a cluster's scheduler) takes none, and is never called silent.
create table external_leases (
  job_id bigint not null,
  attempt integer not null,
  -- The attempt's own; names the lease to a rescuer.
  token uuid not null,
  holder text not null,
  beat bigint not null default 0,
  seen_at timestamptz not null default now(),
  primary key (job_id, attempt),
  constraint external_leases_token_key unique (token),
  constraint external_leases_attempt_fkey foreign key (job_id, attempt) references attempts (job_id, number) on delete cascade
);
