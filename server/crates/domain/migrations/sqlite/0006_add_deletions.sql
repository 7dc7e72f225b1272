-- Deleted artifacts, kept for a while so that a deletion can be undone: their manifests here, their blobs where they lie.

CREATE TABLE deletions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  digest TEXT NOT NULL, -- what was asked to be deleted; the rest went along
  tags TEXT NOT NULL, -- of that one, separated by spaces
  artifacts BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  deleted_by TEXT NOT NULL,
  deleted_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX deletions_project ON deletions (project_id, id);
CREATE INDEX deletions_repository ON deletions (repository_id, id);
CREATE INDEX deletions_expires ON deletions (expires_at);

CREATE TABLE deleted_artifacts (
  deletion_id BIGINT NOT NULL,
  position BIGINT NOT NULL, -- children before their index
  digest TEXT NOT NULL,
  media_type TEXT NOT NULL,
  content BLOB NOT NULL,
  tags TEXT NOT NULL,
  hidden BIGINT NOT NULL,
  pull_count BIGINT NOT NULL,
  pushed_at BIGINT NOT NULL,
  pulled_at BIGINT,
  PRIMARY KEY (deletion_id, position)
);

CREATE TABLE deleted_accessories (
  deletion_id BIGINT NOT NULL,
  digest TEXT NOT NULL,
  subject_digest TEXT NOT NULL,
  kind TEXT NOT NULL,
  attachment TEXT NOT NULL,
  detail TEXT NOT NULL,
  superseded BIGINT NOT NULL,
  PRIMARY KEY (deletion_id, digest, subject_digest)
);

CREATE TABLE deleted_blobs (
  deletion_id BIGINT NOT NULL,
  digest TEXT NOT NULL,
  repository_id BIGINT NOT NULL,
  PRIMARY KEY (deletion_id, digest)
);
CREATE INDEX deleted_blobs_digest ON deleted_blobs (digest, repository_id);
