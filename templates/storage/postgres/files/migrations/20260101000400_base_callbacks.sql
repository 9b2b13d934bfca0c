-- Which endpoint is to be told of a job's end, and at which URL.
CREATE TABLE job_callbacks (
    job      UUID NOT NULL PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    tenant   TEXT NOT NULL,
    endpoint UUID NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    url      TEXT NOT NULL
);

CREATE INDEX job_callbacks_by_endpoint ON job_callbacks (endpoint);
