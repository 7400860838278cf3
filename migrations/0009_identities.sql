-- Who somebody is at an identity provider. Accounts are matched by (issuer, subject) alone: a name or an address is
-- what a provider lets people choose.
create table user_identities (
  issuer text not null,
  subject text not null,
  user_id bigint not null references users (id) on delete cascade,
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  primary key (issuer, subject)
);
create index user_identities_user_id_idx on user_identities (user_id);

-- Whoever signs in elsewhere needs no password here.
alter table users alter column password_hash drop not null;

-- Base runs known by a foreign number only, which an import may resolve.
create index base_runs_unresolved on base_runs (foreign_id) where base_job_id is null;
