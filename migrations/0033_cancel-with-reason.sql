-- What a cancel said besides: why, and how long what runs has to end by itself.
alter table jobs add column cancel_reason text;
alter table jobs add column cancel_grace_ms bigint;
