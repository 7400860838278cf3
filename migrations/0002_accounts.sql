-- People, what they sign in with, and who did what. Secrets stand here as hashes only: passwords as scrypt,
-- sessions and tokens (256 random bits, nothing to guess) as SHA-256.

create table users (
  id bigint generated always as identity primary key,
  name text not null,
  display_name text not null,
  role text not null,
  password_hash text not null,
  disabled_at timestamptz,
  created_at timestamptz not null default now(),
  constraint users_name_check check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
  constraint users_role_check check (role in ('viewer', 'member', 'operator', 'admin'))
);
-- `Ana` and `ana` are one person.
create unique index users_name_key on users (lower(name));

create table sessions (
  id bigint generated always as identity primary key,
  user_id bigint not null references users (id) on delete cascade,
  secret_hash bytea not null,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  expires_at timestamptz not null,
  address text,
  user_agent text,
  constraint sessions_secret_hash_key unique (secret_hash),
  constraint sessions_secret_hash_check check (length(secret_hash) = 32)
);
create index sessions_user_id_idx on sessions (user_id);

create table tokens (
  id bigint generated always as identity primary key,
  user_id bigint not null references users (id) on delete cascade,
  name text not null,
  secret_hash bytea not null,
  scopes text[] not null,
  created_at timestamptz not null,
  created_by text not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  constraint tokens_secret_hash_key unique (secret_hash),
  constraint tokens_secret_hash_check check (length(secret_hash) = 32),
  constraint tokens_scopes_check check (scopes <@ array['read', 'submit', 'all'] and cardinality(scopes) > 0)
);
create index tokens_user_id_idx on tokens (user_id);

-- No foreign key: what somebody did stays after they are gone.
create table audit (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  target text,
  details jsonb not null default '{}',
  address text,
  request_id text
);
-- The page is read newest first, whole or of one person or one thing.
create index audit_actor_idx on audit (actor, id desc);
create index audit_target_idx on audit (target, id desc) where target is not null;
