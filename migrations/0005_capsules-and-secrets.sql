-- "Ran exactly this": what each attempt was started with. Texts of scripts are kept once, by their hash.

create table script_texts (
  sha256 bytea primary key,
  text text not null,
  first_seen_at timestamptz not null default now(),
  constraint script_texts_sha256_check check (length(sha256) = 32)
);

create table capsules (
  job_id bigint not null references jobs (id) on delete cascade,
  attempt integer not null,
  -- Its text is in script_texts unless it was too large, or no text.
  script_sha256 bytea,
  -- The file was another one when the attempt ended.
  script_changed boolean not null default false,
  facts json not null,
  recorded_at timestamptz not null default now(),
  primary key (job_id, attempt)
);

alter table jobs
  -- The job that this one runs once more, as it was or changed.
  add column again_of bigint references jobs (id) on delete set null;
create index jobs_again_of on jobs (again_of) where again_of is not null;

alter table job_inputs
  -- Runs this text of script_texts instead of today's script.
  add column script_sha256 bytea;

-- Values of named secrets, sealed (AES-256-GCM) with a key that never stands in the database.
create table secrets (
  name text primary key,
  sealed bytea not null,
  note text,
  -- Who may use it in a job; null: everybody who may submit.
  users text[],
  created_by text not null,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  constraint secrets_name_check check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$')
);
