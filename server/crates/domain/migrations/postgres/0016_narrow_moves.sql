-- Only moved tags are looked up by name: of an artifact `tags` are all of its tags, which may be longer than PostgreSQL takes into an index.
DROP INDEX deletions_moved;
CREATE INDEX deletions_moved ON deletions (repository_id, tags, id) WHERE what = 'moved';
