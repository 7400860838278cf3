-- Who is told of what, and what became of each message.
create table notification_rules (
  id bigint generated always as identity primary key,
  name text not null,
  owner text not null,
  filter text not null,
  events text[] not null,
  channel jsonb not null,
  subject text not null,
  body text not null,
  digest_minutes integer not null,
  stuck_minutes integer not null,
  disk_below_gib double precision not null,
  is_paused boolean not null default false,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now()
);
create unique index notification_rules_name on notification_rules (lower(owner), lower(name));

-- How far the events of jobs were looked at: one row. Whoever looks moves it from where it was read.
create table notification_position (
  is_only boolean primary key default true check (is_only),
  position text not null
);

-- What fails now, by rule: there is a row while the newest job of that kind and name stands as failed.
create table notification_failing (
  rule_id bigint not null references notification_rules (id) on delete cascade,
  kind text not null,
  -- Names may be longer than an index takes.
  name_hash bytea not null,
  since_job_id bigint not null,
  primary key (rule_id, kind, name_hash)
);

-- What is to be told, once each: `key` says of which job and attempt, or of what else.
create table notification_notices (
  id bigint generated always as identity primary key,
  rule_id bigint not null references notification_rules (id) on delete cascade,
  event text not null,
  key text not null,
  job_id bigint,
  text text,
  created_at timestamptz not null default now(),
  -- The message it became part of.
  message uuid,
  constraint notification_notices_once unique (rule_id, event, key)
);
create index notification_notices_waiting on notification_notices (rule_id, created_at) where message is null;

create table notification_deliveries (
  id bigint generated always as identity primary key,
  rule_id bigint not null references notification_rules (id) on delete cascade,
  message uuid not null,
  channel text not null,
  target text not null,
  subject text not null,
  body text not null,
  notices integer not null,
  -- What programs read: the body of a web hook.
  data json not null,
  state text not null default 'pending',
  tries integer not null default 0,
  answer text,
  created_at timestamptz not null default now(),
  next_try_at timestamptz default now(),
  sent_at timestamptz,
  constraint notification_deliveries_state_check check (state in ('pending', 'sent', 'failed')),
  constraint notification_deliveries_pending_has_time check ((state = 'pending') = (next_try_at is not null))
);
create index notification_deliveries_due on notification_deliveries (next_try_at) where state = 'pending';
create index notification_deliveries_of_rule on notification_deliveries (rule_id, id desc);

create table notification_unsubscribed (
  rule_id bigint not null references notification_rules (id) on delete cascade,
  address text not null,
  at timestamptz not null default now(),
  primary key (rule_id, address)
);
