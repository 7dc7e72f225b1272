-- Undo covers a tag that was removed or moved, and a repository, which is set aside whole under a name that nobody can ask for.
ALTER TABLE deletions ADD COLUMN what TEXT COLLATE "C" NOT NULL DEFAULT 'artifact'; -- artifact, tag, moved, repository
ALTER TABLE deletions ADD COLUMN name TEXT COLLATE "C" NOT NULL DEFAULT ''; -- of a repository: its name before
-- Of an artifact `tags` are all of its tags, which PostgreSQL does not take into an index.
CREATE INDEX deletions_moved ON deletions (repository_id, tags, id) WHERE what = 'moved';
