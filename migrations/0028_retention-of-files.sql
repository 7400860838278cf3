-- A rule may take only the files of a job. What runs removed of them stands beside what they removed of output.
alter table retention_rules
  drop constraint retention_rules_removes_check,
  add constraint retention_rules_removes_check check (removes in ('job', 'output', 'files'));
alter table retention_runs
  add column file_bytes bigint not null default 0,
  add constraint retention_runs_file_bytes_check check (file_bytes >= 0);

-- What is kept is little; a preview counts it beside what goes.
create index jobs_kept on jobs (submitted_at desc, id desc) where keep;
