-- What questions mean, to find those that mean the same; and who asked them, for they are looked for only among the
-- caller's own.
ALTER TABLE answer_cache ADD COLUMN subject TEXT NOT NULL DEFAULT '';
-- Four bytes a number, the lowest first.
ALTER TABLE answer_cache ADD COLUMN embedding BYTEA;
ALTER TABLE answer_cache ADD COLUMN embedding_model TEXT;

CREATE INDEX answer_cache_by_subject ON answer_cache (scope, subject, id);
