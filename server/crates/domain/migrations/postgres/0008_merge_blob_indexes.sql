-- A digest has no place among others, so each index that holds digests costs a push a page of its own. One a table is
-- enough: it begins with the digest, and what else it holds answers the other questions.

-- A repository is of one project, so the key is what it was.
ALTER TABLE repository_blobs DROP CONSTRAINT repository_blobs_pkey;
ALTER TABLE repository_blobs ADD PRIMARY KEY (digest, project_id, repository_id);
DROP INDEX repository_blobs_digest;
DROP INDEX repository_blobs_project;
CREATE INDEX repository_blobs_repository ON repository_blobs (repository_id);

DROP INDEX artifact_blobs_digest;
DROP INDEX artifact_blobs_repository;
CREATE INDEX artifact_blobs_digest ON artifact_blobs (digest, repository_id);
