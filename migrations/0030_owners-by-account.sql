-- What else people own, as jobs: `owner` is who it was, `owner_id` whose rights count. Few rows, but for uploads and keys of
-- the last days.

alter table schedules add column owner_id bigint;
update schedules s set owner_id = u.id from users u where lower(s.owner) = lower(u.name);

alter table notification_rules add column owner_id bigint;
update notification_rules r set owner_id = u.id from users u where lower(r.owner) = lower(u.name);
drop index notification_rules_name;
create unique index notification_rules_name on notification_rules (lower(owner), lower(name), owner_id) nulls not distinct;

alter table views add column owner_id bigint;
update views v set owner_id = u.id from users u where lower(v.owner) = lower(u.name);
-- Nobody could open them any more.
delete from views where owner_id is null and not is_shared;
drop index views_key;
create unique index views_key on views (lower(owner), lower(name), owner_id) nulls not distinct;

-- Only until a job names it, a file is somebody's.
alter table stored_files add column owner_id bigint;
update stored_files f set owner_id = u.id from users u
where lower(f.owner) = lower(u.name) and not exists (select from artifacts a where a.file_id = f.id);

-- A repetition is answered with the job of the same account only. No name begins with `#`.
update idempotency_keys k set scope = '#' || j.owner_id from jobs j where j.uid = k.job_uid and j.owner_id is not null;

-- Who may use a secret. A name without an account drops out; where none is left, nobody may.
alter table secrets add column user_ids bigint[];
update secrets s set user_ids = array(
  select u.id from users u where lower(u.name) in (select lower(n) from unnest(s.users) n) order by u.id
) where users is not null;
alter table secrets drop column users;
