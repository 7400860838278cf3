-- Failures that say the same, but for numbers, paths and names. The id is a hash of the signature, so whoever ends a
-- job knows it without asking; jobs are counted when somebody looks, so that retries and removals keep it true.
create table failure_families (
  id text primary key,
  signature text not null,
  reason text not null,
  first_seen_at timestamptz not null default now()
);
alter table attempts add column error_line text;
alter table jobs add column family text;
create index jobs_family_position on jobs (family, submitted_at desc, id desc) where family is not null;
create index jobs_failed_at on jobs (ended_at) where family is not null;
