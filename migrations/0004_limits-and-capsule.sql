-- How a job's program runs (limits, niceness, variables, standard input, folder), and what it used.

alter table job_inputs
  -- As it was submitted; null when nothing was said. json, not jsonb: the order of variables is kept.
  add column run json;

alter table attempts
  -- From and to storage; null where the system does not tell.
  add column read_bytes bigint,
  add column written_bytes bigint;
