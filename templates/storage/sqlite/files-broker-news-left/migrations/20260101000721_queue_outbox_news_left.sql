-- Nobody reads the outbox any more, so nothing of jobs is written there from now on.
DROP TRIGGER tell_of_new_jobs;
DROP TRIGGER tell_of_jobs_again;
