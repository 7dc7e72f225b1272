-- A digest has no place among others, so each index that holds digests costs a push a page of its own. One a table is
-- enough: it begins with the digest, and what else it holds answers the other questions.

DROP TRIGGER repository_blobs_linked;
DROP TRIGGER repository_blobs_unlinked;
DROP TRIGGER artifact_blobs_added;
DROP TRIGGER artifact_blobs_removed;

CREATE TABLE blobs_new (
  digest TEXT NOT NULL PRIMARY KEY,
  size BIGINT NOT NULL,
  state TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  touched_at BIGINT NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO blobs_new (digest, size, state, version, created_at, touched_at)
  SELECT digest, size, state, version, created_at, touched_at FROM blobs ORDER BY digest;
DROP TABLE blobs;
ALTER TABLE blobs_new RENAME TO blobs;

-- A repository is of one project, so the key is what it was.
CREATE TABLE repository_blobs_new (
  digest TEXT NOT NULL,
  project_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  touched_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (digest, project_id, repository_id)
);
INSERT INTO repository_blobs_new (digest, project_id, repository_id, created_at, touched_at)
  SELECT digest, project_id, repository_id, created_at, touched_at FROM repository_blobs ORDER BY digest;
DROP TABLE repository_blobs;
ALTER TABLE repository_blobs_new RENAME TO repository_blobs;
CREATE INDEX repository_blobs_repository ON repository_blobs (repository_id);

CREATE TABLE artifact_blobs_new (
  artifact_id BIGINT NOT NULL,
  digest TEXT NOT NULL,
  size BIGINT NOT NULL,
  repository_id BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (artifact_id, digest)
) WITHOUT ROWID;
INSERT INTO artifact_blobs_new (artifact_id, digest, size, repository_id)
  SELECT artifact_id, digest, size, repository_id FROM artifact_blobs ORDER BY artifact_id, digest;
DROP TABLE artifact_blobs;
ALTER TABLE artifact_blobs_new RENAME TO artifact_blobs;
CREATE INDEX artifact_blobs_digest ON artifact_blobs (digest, repository_id);

CREATE TRIGGER repository_blobs_linked AFTER INSERT ON repository_blobs BEGIN
  UPDATE repositories SET stored_bytes = stored_bytes + COALESCE((SELECT size FROM blobs WHERE digest = NEW.digest), 0)
    WHERE id = NEW.repository_id;
  UPDATE projects SET stored_bytes = stored_bytes + COALESCE((SELECT size FROM blobs WHERE digest = NEW.digest), 0)
    WHERE id = NEW.project_id AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l
      WHERE l.project_id = NEW.project_id AND l.digest = NEW.digest AND l.repository_id <> NEW.repository_id);
END;
CREATE TRIGGER repository_blobs_unlinked AFTER DELETE ON repository_blobs BEGIN
  UPDATE repositories SET stored_bytes = stored_bytes - COALESCE((SELECT size FROM blobs WHERE digest = OLD.digest), 0)
    WHERE id = OLD.repository_id;
  UPDATE projects SET stored_bytes = stored_bytes - COALESCE((SELECT size FROM blobs WHERE digest = OLD.digest), 0)
    WHERE id = OLD.project_id AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l
      WHERE l.project_id = OLD.project_id AND l.digest = OLD.digest AND l.repository_id <> OLD.repository_id);
END;
CREATE TRIGGER artifact_blobs_added AFTER INSERT ON artifact_blobs BEGIN
  UPDATE repositories SET logical_bytes = logical_bytes + NEW.size
    WHERE id = NEW.repository_id;
  UPDATE projects SET logical_bytes = logical_bytes + NEW.size
    WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = NEW.repository_id);
END;
CREATE TRIGGER artifact_blobs_removed AFTER DELETE ON artifact_blobs BEGIN
  UPDATE repositories SET logical_bytes = logical_bytes - OLD.size
    WHERE id = OLD.repository_id;
  UPDATE projects SET logical_bytes = logical_bytes - OLD.size
    WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = OLD.repository_id);
END;
