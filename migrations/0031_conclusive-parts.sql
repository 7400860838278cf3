-- What could not be looked at counts neither as good nor as bad. The index has all that is counted.
alter table job_parts add column is_conclusive boolean not null default true;
drop index job_parts_by_key;
create index job_parts_by_key on job_parts (kind, key_hash, ended_at desc)
  include (job_id, number, verdict_tone, is_conclusive, took_ms);
