-- The line that says why a job failed is searched, too: also of those that have failed already.
insert into job_words_due (job_id) select id from jobs where state = 'failed' order by id on conflict do nothing;
