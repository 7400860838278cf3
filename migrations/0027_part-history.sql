-- How one thing fared over a month is asked for again and again, and its parts lie scattered among those of all others:
-- 17 000 of a million were 17 000 pages. With what is counted in the index they are 160, and the table is not touched.
-- The index can do without the table only when it names columns, no expression; so the hash of the key is one.
set local statement_timeout = 0;
alter table job_parts add column key_hash bigint not null generated always as (hashtextextended(key, 0)) stored;
drop index job_parts_by_key;
create index job_parts_by_key on job_parts (kind, key_hash, ended_at desc)
  include (job_id, number, verdict_tone, took_ms);
