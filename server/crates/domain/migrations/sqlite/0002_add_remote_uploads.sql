-- Uploads under way at a target registry, so that a large blob goes on where a killed worker left it.
-- A row belongs to the execution that last used it; another takes it over only once that one has settled.

CREATE TABLE remote_uploads (
  target_id BIGINT NOT NULL,
  repository TEXT NOT NULL,
  digest TEXT NOT NULL,
  execution_id BIGINT NOT NULL,
  location TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (target_id, repository, digest)
);
CREATE INDEX remote_uploads_created ON remote_uploads (created_at);
