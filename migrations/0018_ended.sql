-- What ended in the last hour, for live charts. Jobs end in about the order they stand in, so a span of time for each 32
-- pages finds them: 48 KiB for a million jobs.
create index jobs_ended_at on jobs using brin (ended_at) with (pages_per_range = 32, autosummarize = on);
