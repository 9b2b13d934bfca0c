-- Nobody reads the outbox any more, so nothing of jobs is written there from now on.
DROP TRIGGER tell_of_new_jobs ON jobs;
DROP TRIGGER tell_of_jobs_again ON jobs;
DROP FUNCTION tell_of_job();
