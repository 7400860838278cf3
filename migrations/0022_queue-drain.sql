-- A queue that drains takes no new jobs and runs what it has: so many it had to run when that began. Null: it takes jobs.
alter table queues
  add column drain_total bigint,
  add constraint queues_drain_check check (drain_total >= 0);
