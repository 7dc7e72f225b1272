-- Deleted artifacts, kept for a while so that a deletion can be undone: their manifests here, their blobs where they lie.

CREATE TABLE deletions (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  digest TEXT COLLATE "C" NOT NULL, -- what was asked to be deleted; the rest went along
  tags TEXT COLLATE "C" NOT NULL, -- of that one, separated by spaces
  artifacts BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  deleted_by TEXT COLLATE "C" NOT NULL,
  deleted_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX deletions_project ON deletions (project_id, id);
CREATE INDEX deletions_repository ON deletions (repository_id, id);
CREATE INDEX deletions_expires ON deletions (expires_at);

CREATE TABLE deleted_artifacts (
  deletion_id BIGINT NOT NULL,
  position BIGINT NOT NULL, -- children before their index
  digest TEXT COLLATE "C" NOT NULL,
  media_type TEXT COLLATE "C" NOT NULL,
  content BYTEA NOT NULL,
  tags TEXT COLLATE "C" NOT NULL,
  hidden BIGINT NOT NULL,
  pull_count BIGINT NOT NULL,
  pushed_at BIGINT NOT NULL,
  pulled_at BIGINT,
  PRIMARY KEY (deletion_id, position)
);

CREATE TABLE deleted_accessories (
  deletion_id BIGINT NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  subject_digest TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  attachment TEXT COLLATE "C" NOT NULL,
  detail TEXT COLLATE "C" NOT NULL,
  superseded BIGINT NOT NULL,
  PRIMARY KEY (deletion_id, digest, subject_digest)
);

CREATE TABLE deleted_blobs (
  deletion_id BIGINT NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  repository_id BIGINT NOT NULL,
  PRIMARY KEY (deletion_id, digest)
);
CREATE INDEX deleted_blobs_digest ON deleted_blobs (digest, repository_id);
