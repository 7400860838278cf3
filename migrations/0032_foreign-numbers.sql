-- A job is asked for by its number elsewhere.
create index source_identities_foreign on source_identities (lower(foreign_id));
