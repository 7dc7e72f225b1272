-- Undo covers a tag that was removed or moved, and a repository, which is set aside whole under a name that nobody can ask for.
ALTER TABLE deletions ADD COLUMN what TEXT COLLATE "C" NOT NULL DEFAULT 'artifact'; -- artifact, tag, moved, repository
ALTER TABLE deletions ADD COLUMN name TEXT COLLATE "C" NOT NULL DEFAULT ''; -- of a repository: its name before
CREATE INDEX deletions_moved ON deletions (repository_id, what, tags, id);
