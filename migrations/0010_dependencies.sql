-- What a job runs after. Only jobs that exist can be named, and the list never changes, so there are no circles.
create table job_dependencies (
  job_id bigint not null references jobs (id) on delete cascade,
  -- A removed job has ended, and its dependants were settled before it went.
  on_job_id bigint not null references jobs (id) on delete cascade,
  must_succeed boolean not null,
  primary key (job_id, on_job_id)
);
-- What the end of a job looks up.
create index job_dependencies_on on job_dependencies (on_job_id);
-- What the sweep looks at: jobs that wait, though not for a lane.
create index jobs_dependent on jobs (id) where state = 'waiting' and blocked_by is null;
