-- Names are compared without regard to case, by the database's own rule.
drop index jobs_owner_position;
create index jobs_owner_position on jobs (lower(owner), submitted_at desc, id desc);
-- What somebody's jobs that did not succeed are found by, among many that did.
create index jobs_owner_unsuccessful on jobs (lower(owner), submitted_at desc, id desc) where state in ('failed', 'cancelled');
-- Any state: one that no job has must not cost a walk through the diary.
drop index jobs_live_position;
create index jobs_state_position on jobs (state, submitted_at desc, id desc);
-- What people looked at is little among much.
create index jobs_analysis_position on jobs (analysis, submitted_at desc, id desc) where analysis is not null;
create index jobs_assessment_position on jobs (assessment, submitted_at desc, id desc) where assessment is not null;

-- Filters that people keep under a name.
create table views (
  owner text not null,
  name text not null,
  filter text not null,
  is_shared boolean not null,
  changed_at timestamptz not null default now(),
  constraint views_name_check check (name <> '' and length(name) <= 100)
);
create unique index views_key on views (lower(owner), lower(name));
create index views_shared on views (lower(name)) where is_shared;
