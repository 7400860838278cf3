-- What people add to a job. Short words stand in the row, because lists show and filter them; text stands apart, so
-- that the row stays narrow.

alter table jobs
  add column analysis text,
  add column assessment text,
  -- What a person says of the outcome, in place of the kind's verdict, which is kept.
  add column own_verdict text,
  add column own_verdict_tone text,
  add constraint jobs_analysis_check check (analysis in ('open', 'ongoing', 'done')),
  add constraint jobs_assessment_check check (assessment in ('ok', 'not ok', 'other', 'issue', 'obsolete')),
  add constraint jobs_own_tone_check check (
    (own_verdict is null) = (own_verdict_tone is null) and own_verdict_tone in ('good', 'warn', 'bad')
  );

create table job_notes (
  job_id bigint primary key references jobs (id) on delete cascade,
  -- Why the job was made.
  info text,
  -- What came out, as Markdown.
  summary text
);
