-- The bytes of files that jobs took or made. They stand here, so that workers on other machines and a backup have them.
create table stored_files (
  id uuid primary key default gen_random_uuid(),
  owner text not null,
  created_at timestamptz not null default now(),
  -- Null until all of it has come; such a file nobody can name.
  size_bytes bigint,
  sha256 bytea,
  constraint stored_files_complete check ((size_bytes is null) = (sha256 is null))
);

create table file_chunks (
  file_id uuid not null references stored_files (id) on delete cascade,
  first_byte bigint not null,
  size_bytes integer not null,
  codec text not null,
  data bytea not null,
  primary key (file_id, first_byte),
  constraint file_chunks_codec_check check (codec in ('plain', 'zstd'))
);
-- Already compressed, and compression of TOAST would only cost time.
alter table file_chunks alter column data set storage external;

alter table artifacts
  drop column place, drop column size_bytes, drop column sha256,
  -- No cascade: a file goes when nothing names it any more, never while something does.
  add column file_id uuid not null references stored_files (id),
  add constraint artifacts_name_check check (octet_length(name) between 1 and 1000),
  add constraint artifacts_out_has_attempt check ((role = 'out') = (attempt is not null));
drop index artifacts_of_job;
create unique index artifacts_of_job on artifacts (job_id, role, attempt, name) nulls not distinct;
create index artifacts_of_file on artifacts (file_id);

-- Cannot remove a file that is just being named: whoever names it holds its row (the foreign key takes a lock), so it
-- is passed over here; whoever comes later waits for us and finds it gone. The second statement has a snapshot of its
-- own, taken after the lock, so it sees every name that was committed before.
create function remove_unnamed_files(wanted uuid[]) returns bigint language plpgsql as $$
declare
  held uuid[];
  removed bigint;
begin
  select array_agg(id) into held
  from (select id from stored_files where id = any(wanted) order by id for update skip locked) f;
  delete from stored_files f
  where f.id = any(held) and not exists (select from artifacts a where a.file_id = f.id);
  get diagnostics removed = row_count;
  return removed;
end $$;

create function remove_files_of_artifacts() returns trigger language plpgsql as $$
begin
  perform remove_unnamed_files(array(select distinct file_id from gone));
  return null;
end $$;
create trigger artifacts_removed after delete on artifacts referencing old table as gone
  for each statement execute function remove_files_of_artifacts();
